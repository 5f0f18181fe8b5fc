/** Can the evaluation see what is there, and does it see nothing where nothing is? Embeddings are planted, not trained. */
import { compileFeatures, type LogEvent } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { servedStatus } from '@headwater/pooling'
import { auc, logLossesOfLogits, normalizedEntropyOfLosses, seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { rankingModelDefaults } from '../../downstream/ranking-model.ts'
import { ServedLogError, type ServedRow } from '../../replay/served-log.ts'
import type { Arm } from '../../report/main-job/result.ts'
import { memoryLog, smallEvents, smallSchema } from '../../testing/small-log.ts'
import { type ArmPredictions, type ArmSource, evaluateArms } from './arms.ts'

/** No multiple of 4, as the statistics that are served in a vector's place need not be. */
const dim = 6
const rows = 3000
const batchRows = 64
const space = compileFeatures(smallSchema)
const events = smallEvents(rows, 3)
const labels = Uint8Array.from(events, (event) => space.rankedLabel(event))
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
const sources: ArmSource[] = [
  { arm: 'without', pick: null },
  ...(['with', 'latest', 'random', 'untrained'] as const).map((arm, m) => ({
    arm,
    pick: (models: Parameters<NonNullable<ArmSource['pick']>>[0]) => ({ vector: models[m].pooled, about: models[m] }),
  })),
]

let device: GpuDevice
let found: ArmPredictions

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

async function evaluate(log: readonly LogEvent[], served = servedPlants()): Promise<ArmPredictions> {
  // Fast enough for so short a log.
  const rates = { ...rankingModelDefaults.rates, dense: 5e-3 }
  const options = { ...rankingModelDefaults, rates, batchRows, dim, seed: 1 }
  return evaluateArms(device, space, memoryLog(smallSchema, log), served, sources, options)
}

describe('planted embeddings', () => {
  const last = rows / 2
  const ne = (arm: Arm) => {
    const window = labels.subarray(last)
    return normalizedEntropyOfLosses(logLossesOfLogits(found.logits[arm].subarray(last), window), window)
  }
  const aucOf = (arm: Arm) => auc(found.logits[arm].subarray(last), labels.subarray(last))

  test('rows come with labels, users, times and counts of earlier events', () => {
    expect(found.labels).toEqual(labels)
    expect([...found.timeMs]).toEqual(events.map(({ timeMs }) => timeMs))
    expect(found.userCount).toBe(new Set(events.map(({ user }) => user)).size)
    expect(found.itemCount).toBe(new Set(events.map(({ item }) => item)).size)
    const names = [...new Set(events.map(({ user }) => user))]
    for (const { row, user, timeMs } of events) {
      expect(names[found.users[row]]).toBe(user)
      if (row % 50 === 0)
        expect(found.earlierEvents[row]).toBe(events.filter((e) => e.user === user && e.timeMs < timeMs).length)
    }
  })

  test('the row’s own label is found, as soon as it is served and not before', () => {
    expect(ne('with')).toBeLessThan(0.05)
    expect(aucOf('with')).toBeGreaterThan(0.99)
    const before = labels.subarray(0, firstServedRow)
    expect(auc(found.logits.with.subarray(0, firstServedRow), before)).toBeLessThan(0.8)
  })

  test('zeros are worth nothing, nor is noise that only tells users apart', () => {
    expect(Math.abs(ne('latest') / ne('without') - 1)).toBeLessThan(0.02)
    expect(ne('random') / ne('without')).toBeGreaterThan(0.98)
    expect(aucOf('random')).toBeLessThan(aucOf('without') + 0.03)
  })

  test('a vector of default status is not looked at', () => {
    expect(Math.abs(ne('untrained') / ne('without') - 1)).toBeLessThan(0.02)
  })
})

test('a label changes no prediction up to its row, and later ones of all arms', async () => {
  const from = events.findIndex(({ row, timeMs }) => row >= 1800 && timeMs !== events[row - 1].timeMs)
  const turned = events.map((event) =>
    event.row < from ? event : { ...event, values: [...event.values.slice(0, 3), labels[event.row] ? 1 : 5] },
  )
  const groupEnd = events.findIndex(({ row, timeMs }) => row > from && timeMs !== events[from].timeMs)
  const [after, again] = [await evaluate(turned), await evaluate(events)]
  for (const { arm } of sources) {
    expect(after.logits[arm].subarray(0, groupEnd)).toEqual(found.logits[arm].subarray(0, groupEnd))
    expect(after.logits[arm].subarray(groupEnd)).not.toEqual(found.logits[arm].subarray(groupEnd))
    expect(again.logits[arm]).toEqual(found.logits[arm])
  }
})

test('a row whose first task has no label is refused', async () => {
  const row = batchRows + 3
  const lacking = events.map((event) => {
    return event.row === row ? { ...event, values: [...event.values.slice(0, 3), null] } : event
  })
  await expect(evaluate(lacking)).rejects.toMatchObject({ name: 'EventError', row, field: 'stars' })
})

test('what was served to somebody else than the log tells is refused', async () => {
  async function* toSomebodyElse(): AsyncGenerator<ServedRow> {
    for await (const row of servedPlants(rows - 10)) yield { ...row, user: 'somebody else' }
  }
  await expect(evaluate(events, toSomebodyElse())).rejects.toThrow(ServedLogError)
})
