/** Which towers, rows and costs the experiment puts together, against counts made from the log. */
import { openSyntheticLog, syntheticWorld } from '@headwater/datasets'
import { describe, expect, test } from 'vitest'
import { rowSelector } from '../../downstream/family.ts'
import { Outcomes } from '../../lab/analysis/outcomes.ts'
import { contentHash } from '../../lab/cache/content-hash.ts'
import type { LabLog } from '../../lab/log/lab-log.ts'
import { readSmallLab } from '../../testing/small-lab.ts'
import { memoryLog, smallEvents, smallSchema } from '../../testing/small-log.ts'
import { standardUpstream } from '../common-arms.ts'
import { askedShare, costsOf } from './costs.ts'
import { labelSets, sharedBy, sharingModels, towerPlan } from './plans.ts'
import { sharing } from './sharing.ts'

const events = smallEvents(1500, 7)
const small = () => readSmallLab(memoryLog(smallSchema, events))

/** The portfolio of a log that is too large for a test, from its schema alone. */
async function syntheticLab(): Promise<LabLog> {
  const setting = { ...syntheticWorld().setting, users: 200, days: 8, impressionsPerDay: 1500 }
  return readSmallLab(openSyntheticLog({ seed: 3, setting }), syntheticWorld({ seed: 3, setting }))
}

describe('the models that share', () => {
  test('are eight of every shape, the broad ones last, each with rows of its own', async () => {
    for (const lab of [await small(), await syntheticLab()]) {
      expect(lab.portfolio).toHaveLength(8)
      expect(new Set(lab.portfolio.map(({ shape }) => shape)).size).toBe(4)
      expect(lab.portfolio.slice(6).map(({ name }) => name)).toEqual(['sparse', 'ranking'])
      const distinct = new Set(lab.portfolio.map(({ shape, task, rows }) => JSON.stringify([shape, task, rows])))
      expect(distinct.size).toBe(8)
    }
  })

  test('of a market have a fifth of the users each, and none twice', async () => {
    const lab = await small()
    const of = (place: number) => ({ task: 0, rows: { kind: 'market', place, of: 5 } }) as const
    const selectors = [0, 1, 2, 3, 4].map((place) => rowSelector(lab.space, of(place)))
    const labels = new Uint8Array(2)
    const weights = Float32Array.of(1, 1)
    for (const event of events) {
      const inside = selectors.map((selects) => selects(event, labels, weights))
      expect(inside.filter(Boolean)).toHaveLength(1)
    }
  })

  test('are four in a quick run, whose tower is shared by one, two and four', async () => {
    const lab = { ...(await syntheticLab()), quick: true }
    expect(sharingModels(lab)).toHaveLength(4)
    expect(sharingModels(lab).map(({ name }) => name)).toEqual(
      [0, 1, 2, sharingModels({ ...lab, quick: false }).length - 1].map(
        (i) => sharingModels({ ...lab, quick: false })[i].name,
      ),
    )
    expect(sharedBy(lab)).toEqual([1, 2, 4])
  })
})

test('models of few users are left out, and one alone shares nothing', async () => {
  const lab = await small()
  const names = sharingModels(lab).map(({ name }) => name)
  // A market of the log has eight users.
  expect(names.filter((name) => name.startsWith('market'))).toEqual([])
  expect(names.slice(-2)).toEqual(['sparse', 'ranking'])
  sharing.check!(lab)
  const alone = { ...lab, portfolio: lab.portfolio.slice(-1) }
  expect(() => sharing.check!(alone)).toThrow('1 of 1 downstream models have enough users')
})

describe('a tower', () => {
  test('is taught what its models are, and nothing else', async () => {
    const lab = await small()
    const models = sharingModels(lab)
    const labels = new Uint8Array(lab.space.tasks.length)
    const weights = new Float32Array(lab.space.tasks.length)
    for (const m of [1, 2, 4, models.length]) {
      const first = models.slice(0, m)
      const sets = labelSets(lab, first)
      for (const event of events) {
        lab.space.labels(event, labels, weights)
        const asked = lab.space.tasks.map((_, task) =>
          first.some((spec) => spec.task === task && rowSelector(lab.space, spec)(event, labels, weights)),
        )
        const taught = lab.space.tasks.map((_, task) =>
          sets.some(
            (set) =>
              set.task === task &&
              set.rows.some((rows) => rowSelector(lab.space, { task, rows })(event, labels, weights)),
          ),
        )
        expect(taught).toEqual(asked)
      }
    }
  })

  test('of one model is that model’s own, and of all rows the one that other experiments have', async () => {
    const lab = await syntheticLab()
    const arms = new Map(sharing.arms(lab, 1).map((arm) => [arm.name, arm]))
    const [first] = sharingModels(lab)
    expect(arms.get('shared-1')!.upstream).toEqual(arms.get(`own-${first.name}`)!.upstream)
    expect(contentHash(arms.get('shared-1')!.settings)).toBe(contentHash(arms.get(`own-${first.name}`)!.settings))
    const broad = lab.portfolio.filter(({ rows }) => rows.kind === 'all')
    expect(towerPlan(lab, 1, broad)).toEqual(standardUpstream(1))
    // Its surfaces together are all rows, too.
    const surfaces = lab.portfolio.filter(({ rows }) => rows.kind === 'surface')
    expect(surfaces).toHaveLength(3)
    expect(towerPlan(lab, 1, surfaces)).toEqual(standardUpstream(1))
    expect(towerPlan(lab, 1, surfaces.slice(1)).labels).toHaveLength(1)
  })
})

test('costs are those of the arms, summed over towers, and a request reads a tower’s vector once', async () => {
  const lab = await small()
  const models = sharingModels(lab)
  const figures = (scale: number) => ({
    trainingFlops: 100 * scale,
    encodeFlopsPerRow: 10 * scale,
    storedUsers: 7 * scale,
  })
  const outcome = (own: Record<string, number>) => [{ columns: {}, figures: own }]
  const outcomes = new Outcomes(
    lab,
    [1],
    new Map([
      ['record', outcome({ storedBytes: 1632, servedBytes: 384 })],
      ...models.map(({ name }, i) => [`own-${name}`, outcome(figures(i + 1))] as const),
      ...models.map((_, i) => [`shared-${i + 1}`, outcome(figures(10))] as const),
    ]),
  )
  const costs = costsOf(outcomes)
  expect(costs.map((own) => own.models)).toEqual(models.map((_, i) => i + 1))
  const two = costs[1]
  expect(two.own).toMatchObject({ trainingFlops: 300, servingFlops: 30, storedBytes: 21 * 1632 })
  expect(two.shared).toMatchObject({ trainingFlops: 1000, servingFlops: 100, storedBytes: 70 * 1632 })
  const test = events.slice(lab.test.fromRow)
  const labels = new Uint8Array(2)
  const weights = new Float32Array(2)
  const asks = test.map((event) => {
    lab.space.labels(event, labels, weights)
    return models.slice(0, 2).filter((spec) => rowSelector(lab.space, spec)(event, labels, weights)).length
  })
  expect(askedShare(lab, models.slice(0, 2))).toBeCloseTo(asks.filter((n) => n > 0).length / test.length, 12)
  expect(two.shared.servedBytes).toBeCloseTo((384 * asks.filter((n) => n > 0).length) / test.length, 9)
  expect(two.own.servedBytes).toBeCloseTo((384 * asks.reduce((sum, n) => sum + n, 0)) / test.length, 9)
})
