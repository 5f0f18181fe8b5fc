/** A log of what was taken alone, by known chances among what was live: what figures over all live items are, is known too. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openLog } from '@headwater/datasets'
import { compileFeatures, type LogEvent, type Schema } from '@headwater/features'
import { seededRandom } from '@headwater/statistics'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, test } from 'vitest'
import { linearPredictions } from '../../downstream/linear/linear-run.ts'
import { ProgressiveRun } from '../../downstream/progressive-run.ts'
import type { DownstreamModel, DownstreamRows } from '../../downstream/rows.ts'
import { AsOfReplay } from '../../replay/as-of-replay.ts'
import { flagSource } from '../../replay/embedding-source.ts'
import { readSmallLab } from '../../testing/small-lab.ts'
import { minuteMs } from '../../testing/small-log.ts'
import { specOf } from '../log/lab-log.ts'
import { scoreArm } from './figures.ts'
import { Outcomes } from './outcomes.ts'

const [users, items, rows] = [50, 40, 2500]
const schema: Schema = {
  version: 1,
  name: 'choices',
  user: 'user',
  item: 'item',
  time: { column: 'time', unit: 'ms' },
  fields: [{ name: 'taken', of: 'outcome', type: 'float' }],
  tasks: [{ name: 'take', field: 'taken', atLeast: 1 }],
  aggregations: [{ name: 'count', of: 'user', kind: 'count' }],
  itemBuckets: 2 ** 20,
  negatives: { outcome: 'taken', items: 5, windowDays: 0.25 },
}

const random = seededRandom(3)
const levels = Array.from({ length: items }, () => random.nextNormal())
const tastes = Array.from({ length: users * items }, () => 1.5 * random.nextNormal())
const startMs = Date.UTC(2026, 0, 1)
const numberOf = (name: string) => Number(name.slice(1))

interface Taken {
  readonly user: number
  readonly item: number
  readonly timeMs: number
}

/** What was taken in the six hours before, by brute force. */
const before = (all: readonly Taken[], timeMs: number) =>
  all.filter((own) => own.timeMs < timeMs && own.timeMs >= timeMs - 6 * 60 * minuteMs)

/** The chance of each live item to be what a user takes. */
function chances(user: number, live: readonly number[]): Map<number, number> {
  const odds = live.map((item) => Math.exp(levels[item] + tastes[user * items + item]))
  const all = odds.reduce((sum, own) => sum + own, 0)
  return new Map(live.map((item, i) => [item, odds[i] / all]))
}

const taken: Taken[] = []
for (let row = 0; row < rows; row++) {
  const [user, timeMs] = [random.nextBelow(users), startMs + row * minuteMs]
  const live = [...new Set(before(taken, timeMs).map(({ item }) => item))]
  const others = Array.from({ length: items }, (_, item) => item).filter((item) => !live.includes(item))
  // Now and then comes what is not live.
  const isNew = live.length === 0 || (others.length > 0 && random.nextFloat() < 0.1)
  const of = isNew ? others.map((item) => [item, 1 / others.length] as const) : [...chances(user, live)]
  const at = random.nextFloat()
  let [i, sum] = [0, of[0][1]]
  while (sum <= at && i < of.length - 1) sum += of[++i][1]
  const [item] = of[i]
  taken.push({ user, item, timeMs })
}

async function open() {
  const path = join(temporaryDirectory(), 'choices.csv')
  const lines = taken.map(({ user, item, timeMs }) => `u${user},i${item},${timeMs}`)
  writeFileSync(path, ['user,item,time', ...lines, ''].join('\n'))
  return openLog({ data: path, schema })
}

const entropy = (p: number) => (p > 0 && p < 1 ? -p * Math.log(p) - (1 - p) * Math.log1p(-p) : 0)

test('the known optimum’s NE and recall are found from sampled rows, within their intervals', async () => {
  const log = await open()
  const lab = await readSmallLab(log)
  const { test } = lab
  const { places, labels } = lab.test.models.ranking
  const events: LogEvent[] = []
  for await (const chunk of log.events()) events.push(...chunk.filter(({ row }) => row >= test.fromRow))
  // Log-odds in the sample of who knows the chances, and the same of who knows popularity alone.
  const own = (place: number) => {
    const { user, item, timeMs, draw } = events[place]
    const window = before(taken, timeMs)
    const live = [...new Set(window.map((other) => other.item))]
    const p = chances(numberOf(user), live).get(numberOf(item))!
    const share = window.filter((other) => other.item === numberOf(item)).length / window.length
    return { window, live, p, share, rate: draw!.expected, user: numberOf(user) }
  }
  const logits = (p: (own: { p: number; share: number }) => number) =>
    Float32Array.from(places, (place) => {
      const found = own(place)
      const chance = p(found)
      return Math.log(chance / (1 - chance)) - Math.log(found.rate)
    })
  const ranks: number[] = []
  const truth = { loss: 0, popular: 0, choices: 0, pairs: 0, recall: 0 }
  for (const [i, place] of places.entries()) {
    if (labels[i] === 0) continue
    const { user, live, window } = own(place)
    const all = chances(user, live)
    truth.choices++
    truth.pairs += live.length
    for (const [item, p] of all) {
      const share = window.filter((other) => other.item === item).length / window.length
      truth.loss += entropy(p)
      truth.popular += -p * Math.log(share) - (1 - p) * Math.log1p(-share)
    }
    if (!test.chosen.has(test.fromRow + place)) continue
    const sorted = [...all].sort((a, b) => b[1] - a[1])
    ranks.push(1 + sorted.findIndex(([item]) => item === numberOf(events[place].item)))
    truth.recall += sorted.slice(0, 10).reduce((sum, [, p]) => sum + p, 0)
  }
  const columns = { 'best ranking': logits(({ p }) => p), 'best ranks ranking': Float32Array.from(ranks) }
  const outcome = { columns: { ...columns, 'popular ranking': logits(({ share }) => share) }, figures: {} }
  const outcomes = new Outcomes(lab, [1], new Map([['known', [outcome]]]))
  const base = truth.choices / truth.pairs
  const entropyOfAll = truth.pairs * entropy(base)
  for (const [arm, loss] of [
    ['best', truth.loss],
    ['popular', truth.popular],
  ] as const) {
    const { unsampledNe, ne } = scoreArm(outcomes, `known#${arm}`, 'ranking')
    expect(unsampledNe!.low, arm).toBeLessThan(loss / entropyOfAll)
    expect(unsampledNe!.high, arm).toBeGreaterThan(loss / entropyOfAll)
    // Of the sample itself it is another figure.
    expect(Math.abs(ne.value - unsampledNe!.value)).toBeGreaterThan(0.02)
  }
  const { ranked } = scoreArm(outcomes, 'known#best', 'ranking')
  expect(ranked!.choices).toBe(ranks.length)
  const [{ recall }] = ranked!.at
  expect(recall.low).toBeLessThan(truth.recall / ranks.length)
  expect(recall.high).toBeGreaterThan(truth.recall / ranks.length)
  await log.close()
})

/** Predicts by a hash's last bits, whatever it is taught: its ranks can be told by hand. */
class ByBucket implements DownstreamModel {
  #logits: number[] = []
  async step(rows: DownstreamRows) {
    await this.predict(rows)
  }
  async predict({ rows, item }: DownstreamRows) {
    for (let row = 0; row < rows; row++) this.#logits.push(item.bags[0].ids[row] % 7)
  }
  async train() {}
  hold() {}
  async predictHeld() {}
  async logits() {
    const made = Float32Array.from(this.#logits)
    this.#logits = []
    return made
  }
  dispose() {}
}

test('ranks among all live items are those of brute force, of a model’s and of popularity', async () => {
  const log = await open()
  const lab = await readSmallLab(log)
  const { space, test } = lab
  const spec = specOf(lab, 'ranking')
  const run = new ProgressiveRun({
    ...{ device: undefined as never, space, spec, dim: 0, flags: [], seed: 1, keptFrom: test.fromRow },
    model: () => new ByBucket(),
  })
  const replay = new AsOfReplay(
    {
      ...{ space, log, slots: 1, chosen: test.chosen, publishedMs: [log.timeRange.firstMs - 1] },
      policy: { kind: 'asynchronous', refreshDelayMs: minuteMs },
    },
    flagSource,
  )
  for await (const block of replay.blocks())
    await run.add(
      block,
      block.held.map(() => null),
    )
  const { ranks } = await run.finish()
  const { popularityRanks, ranks: linear } = await linearPredictions(log, undefined, undefined, test.chosen)

  const bucket = new Map<string, number>()
  const one = compileFeatures(schema)
  const batch = one.allocate('item', 1)
  const events: LogEvent[] = []
  for await (const chunk of log.events()) events.push(...chunk)
  for (const event of events) {
    one.encodeItem(batch, 0, one.newItemState(), event)
    bucket.set(event.item, batch.bags[0].ids[0])
  }
  const rankOf = (own: number, others: readonly number[]) =>
    1 +
    others.filter((other) => other > own + 1e-9).length +
    others.filter((other) => Math.abs(other - own) <= 1e-9).length / 2
  const chosen = events.filter(({ row }) => test.chosen.has(row))
  expect(chosen.length).toBeGreaterThan(100)
  const truth = chosen.map(({ item, timeMs }) => {
    const window = before(taken, timeMs)
    const countOf = (name: string) => window.filter((own) => `i${own.item}` === name).length
    const others = [...new Set(window.map((own) => `i${own.item}`))].filter((name) => name !== item)
    const scoreOf = (name: string) => (bucket.get(name)! % 7) + Math.log(countOf(name))
    return {
      model: rankOf(scoreOf(item), others.map(scoreOf)),
      popularity: rankOf(countOf(item), others.map(countOf)),
    }
  })
  expect(ranks).toEqual(truth.map(({ model }) => model))
  expect(popularityRanks).toEqual(truth.map(({ popularity }) => popularity))
  expect(linear.length).toBe(chosen.length)
  await log.close()
})
