/**
 * Logs made so that the answer is known: each arm, and the verdict, must come out as planted. What a tower would serve is
 * planted too, so that the test is of the judges and not of the tower.
 */
import type { LogEvent, Schema } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { servedStatus } from '@headwater/pooling'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  evaluateServed,
  givenFeatures,
  nothing,
  type ServedChoice,
  servedVector,
} from '../../downstream/evaluate-served.ts'
import { linearPredictions } from '../../downstream/linear/linear-run.ts'
import { defaultRanking } from '../../downstream/ranking-settings.ts'
import { Outcomes } from '../../lab/analysis/outcomes.ts'
import { setupColumn } from '../../lab/arms/downstream-arm.ts'
import { tenthsColumn } from '../../lab/arms/traffic-arm.ts'
import { readLabLog, specOf } from '../../lab/log/lab-log.ts'
import { type ServedRow, servedBlocks } from '../../replay/served-log.ts'
import { headline } from '../../report/main-job/verdict.ts'
import { smallLab } from '../../testing/small-lab.ts'
import { memoryLog, minuteMs } from '../../testing/small-log.ts'
import { scoreArms, trafficName } from './scores.ts'

const rows = 12_000
const users = 400
const items = 40
const dim = 4
const genres = ['a', 'b', 'c', 'd']

const schema: Schema = {
  version: 1,
  name: 'planted',
  user: 'user',
  item: 'item',
  time: { column: 'time', unit: 'ms' },
  fields: [
    { name: 'genre', of: 'item', type: 'ids', buckets: 8, values: genres },
    { name: 'click', of: 'outcome', type: 'float' },
  ],
  tasks: [{ name: 'click', field: 'click', atLeast: 1 }],
  aggregations: [
    { name: 'item-mean', of: 'item', kind: 'mean', value: 'click', prior: 0.5 },
    { name: 'user-mean', of: 'user', kind: 'mean', value: 'click', prior: 0.5 },
    { name: 'residual', of: 'user', kind: 'residual', value: 'click' },
    { name: 'residual-by-genre', of: 'user', kind: 'residual', value: 'click', by: 'genre' },
    { name: 'count', of: 'user', kind: 'count' },
  ],
  itemBuckets: 128,
  userBuckets: 1024,
}

const random = seededRandom(17)
const normals = (count: number, width: number) =>
  Array.from({ length: count }, () => Float32Array.from({ length: width }, () => random.nextNormal()))
const [ofUsers, ofItems, noise] = [normals(users, dim), normals(items, dim), normals(users, dim)]
const product = (a: Float32Array, b: Float32Array) => a.reduce((sum, own, d) => sum + own * b[d], 0)
/** Everybody meets everything, by chance. */
const met = Array.from({ length: rows }, () => ({ user: random.nextBelow(users), item: random.nextBelow(items) }))

/** Clicks that follow a logit of who meets what. */
function planted(logit: (user: number, item: number) => number): LogEvent[] {
  const coin = seededRandom(23)
  return met.map(({ user, item }, row) => ({
    row,
    user: `u${user}`,
    item: `i${item}`,
    timeMs: Date.UTC(2024, 0, 1) + row * minuteMs,
    values: [[genres[item % genres.length]], coin.nextFloat() < 1 / (1 + Math.exp(-logit(user, item))) ? 1 : 0],
  }))
}

let device: GpuDevice

beforeAll(async () => {
  device = await requestDevice()
})

afterAll(() => device.destroy())

/** Served from a fifth of the log on: the tower's vector, a random one, and nothing but that something is served. */
async function* served(events: readonly LogEvent[], tower: readonly Float32Array[]): AsyncGenerator<ServedRow> {
  for (const { user, timeMs } of events.slice(rows / 5)) {
    const number = Number(user.slice(1))
    const about = { status: servedStatus.fresh, snapshot: 1, featureTimeMs: timeMs - minuteMs, ageMs: minuteMs }
    const models = [tower, noise].map((vectors) => ({ ...about, pooled: vectors[number], latest: null }))
    yield { user, timeMs, models }
  }
}

/** @param tower what is served of each user @param handsOnFeatures in its place, once something is served */
async function judged(
  logit: (user: number, item: number) => number,
  tower: readonly Float32Array[],
  handsOnFeatures = false,
) {
  const events = planted(logit)
  const log = memoryLog(schema, events)
  const lab = await readLabLog(log, 'a test', { ...smallLab, testShare: 0.4 })
  const { space, test: window, tenths } = lab
  const vector = (model: number) =>
    servedVector(dim, (models) => ({ vector: models[model].pooled, about: models[model] }))
  const width = space.user.dense.length
  const handedOn: Omit<ServedChoice, 'name'> = {
    ...vector(0),
    dim: width,
    give: ({ models, features }) => models && { vector: features!, ageMs: minuteMs },
  }
  const logits = await evaluateServed(
    servedBlocks(space, log, served(events, tower), { features: (dense) => dense.slice() }),
    {
      device,
      space,
      spec: specOf(lab, 'ranking'),
      choices: [
        { name: 'without', ...nothing },
        { name: 'with', ...(handsOnFeatures ? handedOn : vector(0)) },
        { name: 'flags', ...servedVector(0, ([about]) => ({ vector: new Float32Array(0), about })) },
        { name: 'random', ...vector(1) },
        { name: 'features', ...givenFeatures(width) },
      ],
      seed: 1,
      // So short a log wants to be learnt from fast.
      ranking: { ...defaultRanking, rates: { ...defaultRanking.rates, dense: 5e-3 } },
    },
  )
  const { logits: linear } = await linearPredictions(log)
  const all: Record<string, Float32Array> = { ...logits, latest: logits.with, untrained: logits.random, linear }
  const columns = Object.entries(all).flatMap(([arm, own]) => [
    [setupColumn(arm, 'ranking'), own.subarray(window.fromRow)] as const,
    [tenthsColumn(arm), new Float32Array(tenths.length)] as const,
  ])
  const found = { columns: Object.fromEntries(columns), figures: {} }
  const scores = scoreArms(new Outcomes(lab, [1], new Map([[trafficName, [found]]])))
  return { ...scores, told: headline(scores as Parameters<typeof headline>[0]) }
}

const isGain = ({ low }: { readonly low: number }) => low > 0
const holdsZero = ({ low, high }: { readonly low: number; readonly high: number }) => low <= 0 && high >= 0

describe('planted truths', () => {
  test('where a sum of what user and item are like is all there is, the linear model cannot be beaten', async () => {
    const found = await judged((user, item) => 1.2 * ofUsers[user][0] + ofItems[item][0], ofUsers, true)
    expect(found.told).not.toContain('beat')
    expect(Math.abs(found.best.gain.value)).toBeLessThan(0.02)
    for (const gain of [found.neGain, found.gainOverWithout.features, found.gainOverWithout.linear])
      expect(isGain(gain)).toBe(true)
    for (const gain of [found.gainOverWithout.flags, found.gainOverWithout.random]) expect(isGain(gain)).toBe(false)
  })

  test('where only the item counts, no knowledge of the user gains', async () => {
    const found = await judged((_, item) => 1.5 * ofItems[item][0], ofUsers)
    expect(found.ne.without).toBeLessThan(0.9)
    expect(isGain(found.neGain)).toBe(false)
    expect(isGain(found.gainOverFlags)).toBe(false)
  })

  test('where nothing counts, nothing is claimed', async () => {
    const found = await judged(() => -1, ofUsers)
    for (const ne of Object.values(found.ne)) expect(ne).toBeGreaterThan(0.99)
    expect(found.told).not.toContain('beat')
    expect(holdsZero(found.gainOverUntrained)).toBe(true)
  })

  test('where hidden factors count, who serves them wins over every baseline', async () => {
    const found = await judged((user, item) => 1.2 * product(ofUsers[user], ofItems[item]), ofUsers)
    expect(found.told).toMatch(/^Served embeddings beat the best baseline/)
    expect(isGain(found.gainOverUntrained)).toBe(true)
    expect(isGain(found.gainOverWithout.random)).toBe(false)
  })
})
