/** Can the evaluation see what is there, and does it see nothing where nothing is? Embeddings are planted, not trained. */
import { compileFeatures, type LogEvent } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { servedStatus } from '@headwater/pooling'
import { auc, logLossesOfLogits, normalizedEntropyOfLosses, seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ServedLogError, type ServedRow, servedBlocks } from '../replay/served-log.ts'
import { memoryLog, smallEvents, smallSchema } from '../testing/small-log.ts'
import { evaluateServed, givenFeatures, nothing, type ServedChoice, servedVector } from './evaluate-served.ts'
import { downstreamFamily } from './family.ts'
import { defaultRanking } from './ranking-settings.ts'

/** No multiple of 4, as the statistics that are served in a vector's place need not be. */
const dim = 6
const rows = 3000
const space = compileFeatures(smallSchema)
const events = smallEvents(rows, 3)
const labels = Uint8Array.from(events, (event) => space.rankedLabel(event)!)
/** Rows before it are served nothing. */
const firstServedRow = 500
const random = seededRandom(9)
const noiseByUser = new Map(
  events.map(({ user }) => [user, Float32Array.from({ length: dim }, () => random.nextNormal())]),
)

/** Served vectors: the row's own label, zeros, noise a user; and the label again where nothing is said to be served. */
const planted = {
  leak: ({ row }: LogEvent) => new Float32Array(dim).map((_, d) => (d % 2 === labels[row] ? 1 : -1)),
  zeros: () => new Float32Array(dim),
  noise: ({ user }: LogEvent) => noiseByUser.get(user)!,
  hidden: ({ row }: LogEvent) => new Float32Array(dim).fill(labels[row]),
}
const [spec] = downstreamFamily(space, null)
const choices: ServedChoice[] = [
  { name: 'without', ...nothing },
  ...Object.keys(planted).map((name, m): ServedChoice => {
    return { name, ...servedVector(dim, (models) => ({ vector: models[m].pooled, about: models[m] })) }
  }),
  { name: 'features', ...givenFeatures(space.user.dense.length) },
]

let device: GpuDevice
let found: Record<string, Float32Array>

beforeAll(async () => {
  device = await requestDevice()
  found = await evaluate(events)
})

afterAll(() => device.destroy())

async function* servedPlants(from = firstServedRow): AsyncGenerator<ServedRow> {
  for (const event of events.slice(from)) {
    const models = Object.entries(planted).map(([model, vectorOf]) => ({
      status: model === 'hidden' ? servedStatus.default : servedStatus.fresh,
      snapshot: 1,
      featureTimeMs: event.timeMs - 60_000,
      ageMs: 60_000,
      pooled: vectorOf(event),
      latest: null,
    }))
    yield { user: event.user, timeMs: event.timeMs, models }
  }
}

async function evaluate(log: readonly LogEvent[], served = servedPlants()): Promise<Record<string, Float32Array>> {
  const blocks = servedBlocks(space, memoryLog(smallSchema, log), served, { features: (dense) => dense.slice() })
  // Fast enough for so short a log.
  const rates = { ...defaultRanking.rates, dense: 1e-2 }
  const ranking = { ...defaultRanking, rates }
  const found = await evaluateServed(blocks, { device, space, spec, choices, seed: 1, ranking })
  return Object.fromEntries(Object.entries(found).map(([name, { logits }]) => [name, logits]))
}

describe('planted embeddings', () => {
  const last = rows / 2
  const ne = (name: string) => {
    const window = labels.subarray(last)
    return normalizedEntropyOfLosses(logLossesOfLogits(found[name].subarray(last), window), window)
  }
  const aucOf = (name: string) => auc(found[name].subarray(last), labels.subarray(last))

  test('the row’s own label is found, as soon as it is served and not before', () => {
    expect(ne('leak')).toBeLessThan(0.05)
    expect(aucOf('leak')).toBeGreaterThan(0.99)
    const before = labels.subarray(0, firstServedRow)
    expect(auc(found.leak.subarray(0, firstServedRow), before)).toBeLessThan(0.8)
  })

  test('zeros are worth nothing, nor is noise that only tells users apart', () => {
    expect(Math.abs(ne('zeros') / ne('without') - 1)).toBeLessThan(0.02)
    expect(ne('noise') / ne('without')).toBeGreaterThan(0.98)
    expect(aucOf('noise')).toBeLessThan(aucOf('without') + 0.03)
  })

  test('a user’s features tell of their taste, before anything is served too', () => {
    expect(ne('features')).toBeLessThan(ne('without'))
    const before = labels.subarray(250, firstServedRow)
    const early = (name: string) => auc(found[name].subarray(250, firstServedRow), before)
    expect(early('features')).toBeGreaterThan(early('zeros'))
  })

  test('a vector of default status is not looked at', () => {
    expect(Math.abs(ne('hidden') / ne('without') - 1)).toBeLessThan(0.02)
  })
})

test('a label changes no prediction up to its row, and later ones of all arms', async () => {
  const from = events.findIndex(({ row, timeMs }) => row >= 1800 && timeMs !== events[row - 1].timeMs)
  const turned = events.map((event) =>
    event.row < from ? event : { ...event, values: [...event.values.slice(0, 3), labels[event.row] ? 1 : 5] },
  )
  const groupEnd = events.findIndex(({ row, timeMs }) => row > from && timeMs !== events[from].timeMs)
  const [after, again] = [await evaluate(turned), await evaluate(events)]
  for (const { name } of choices) {
    expect(after[name].subarray(0, groupEnd)).toEqual(found[name].subarray(0, groupEnd))
    expect(after[name].subarray(groupEnd)).not.toEqual(found[name].subarray(groupEnd))
    expect(again[name]).toEqual(found[name])
  }
})

test('what was served to somebody else than the log tells is refused', async () => {
  async function* toSomebodyElse(): AsyncGenerator<ServedRow> {
    for await (const row of servedPlants(rows - 10)) yield { ...row, user: 'somebody else' }
  }
  await expect(evaluate(events, toSomebodyElse())).rejects.toThrow(ServedLogError)
})
