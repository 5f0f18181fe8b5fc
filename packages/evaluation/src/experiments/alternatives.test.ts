/** Every alternative has the same chances: the same grid, the same numbers, chosen by rows before the test window. */
import { openLog } from '@headwater/datasets'
import { checkModelConfig } from '@headwater/runtime'
import { describe, expect, test } from 'vitest'
import { Outcomes } from '../lab/analysis/outcomes.ts'
import type { ArmOutcome } from '../lab/arms/arm.ts'
import { contentHash } from '../lab/cache/content-hash.ts'
import type { LabLog } from '../lab/log/lab-log.ts'
import { judgedFrom } from '../lab/log/lab-log.ts'
import { realLab, syntheticLab } from '../lab/log/settings.ts'
import { labOf } from '../lab/upstream/variant.ts'
import { readSmallLab } from '../testing/small-lab.ts'
import { memoryLog, smallEvents, smallSchema } from '../testing/small-log.ts'
import { alternatives } from './alternatives.ts'
import { alternativeArms, alternativesOf, chosenOutcomes, tower } from './alternatives-arms.ts'
import { modeArm, servedWidth } from './common-arms.ts'

const readLab = () => readSmallLab(memoryLog(smallSchema, smallEvents(1500, 7)))
const factorOf = (name: string) => name.match(/-at-(\d+)$/)?.[1]

describe.each([
  ['synthetic', syntheticLab],
  ['movietweetings', realLab],
])('of %s', (data, settings) => {
  const read = async (quick: boolean): Promise<LabLog> => {
    const log = await openLog({ data })
    await log.close()
    return { ...(await readLab()), log, settings, quick }
  }

  test('whatever has something to tune is tuned by one grid', async () => {
    for (const quick of [false, true]) {
      const arms = alternativeArms(await read(quick), 1)
      expect(new Set(arms.map(contentHash)).size).toBe(arms.length)
      for (const { name, tuned } of [...alternativesOf(await read(quick)), tower]) {
        const own = arms.filter((arm) => arm.name.replace(/-at-\d+$/, '') === name)
        const points = quick ? ['100'] : ['33', '100', '300', '900', '2700']
        expect(own.map((arm) => factorOf(arm.name))).toEqual(tuned === null ? [undefined] : points)
      }
    }
  })

  test('the tower at its own rates is the other experiments’ arm, and has others of its own', async () => {
    const lab = await read(false)
    const at = (name: string) => alternativeArms(lab, 1).find((arm) => arm.name === name)!
    const { name: _, title: __, ...shared } = modeArm(lab, 1, 'asynchronous')
    const { name: ___, title: ____, ...own } = at('tower-at-100')
    expect(contentHash(own)).toBe(contentHash(shared))
    const { training } = labOf(lab, at('tower-at-300').upstream!.variant).settings
    expect(training.roundRates.dense).toBeCloseTo(3 * settings.training.roundRates.dense, 10)
  })

  test('what is served instead has the numbers of the tower’s vector', async () => {
    const lab = await read(false)
    const { count, width } = settings.config.embeddings
    expect(servedWidth(lab)).toBe(count * width)
    const plans = alternativesOf(lab).filter(({ predicts }) => !predicts)
    const learned = plans.map((own) => own.arm(lab, 1, 1).alternative?.learned ?? null)
    expect(learned.filter((plan) => plan !== null).map(({ dim }) => dim)).toEqual(Array(3).fill(count * width))
  })

  test('self-attention is a tower of the history alone, with rates of its own', async () => {
    const lab = await read(false)
    for (const { name, upstream } of alternativeArms(lab, 1).filter((arm) => arm.name.startsWith('self-attention'))) {
      const own = labOf(lab, upstream!.variant)
      checkModelConfig(own.settings.config, own.space.user, own.space.item, name)
      expect(own.settings.config).toMatchObject({
        embeddings: settings.config.embeddings,
        user: { tokens: [{ kind: 'bags' }, { kind: 'events', blocks: { count: 1 }, recent: 1 }] },
      })
      const factor = 3 ** ['33', '100', '300', '900', '2700'].indexOf(factorOf(name)!) / 3
      expect(own.settings.training.roundRates.dense).toBeCloseTo(factor * settings.training.roundRates.dense, 10)
      expect(own.settings.training.firstRates.tables).toBeCloseTo(factor * settings.training.firstRates.tables, 10)
      expect(own.settings.training.batchRows).toBe(settings.training.batchRows)
    }
  })
})

test('without a sequence there is no self-attention, and the history is the lab’s own', async () => {
  const { sequence: _, ...schema } = smallSchema
  const lab = await readSmallLab(memoryLog(schema, smallEvents(1500, 7)))
  const names = alternativesOf(lab).map(({ name }) => name)
  expect(names).not.toContain('self-attention')
  expect(names).toContain('target-attention')
})

test('what is chosen has the least loss on the rows before the test window, for each seed', async () => {
  const lab = await readLab()
  const seeds = [1, 2]
  const losses: Record<string, readonly number[]> = {
    '33': [0.5, 0.3],
    '100': [0.4, 0.6],
    '300': [0.6, 0.2],
    '900': [0.7, 0.7],
    '2700': [0.8, 0.8],
  }
  const outcomes = new Map<string, ArmOutcome[]>()
  for (const { name } of alternatives.arms(lab, 1)) {
    const of = (seed: number): ArmOutcome => ({
      // Of the test window the point that is chosen has the worst predictions.
      columns: { ranking: Float32Array.of(1 / (losses[factorOf(name) ?? '33'][seed] ?? 1)) },
      figures: { judgedLoss: losses[factorOf(name) ?? '33'][seed] },
    })
    outcomes.set(name, [of(0), of(1)])
  }
  const { chosen, choices } = chosenOutcomes(new Outcomes(lab, seeds, outcomes))
  expect(choices.size).toBe(7)
  for (const [name, { places, losses: tried }] of choices) {
    expect(places).toEqual([1, 2])
    expect(tried).toEqual(['33', '100', '300', '900', '2700'].map((factor) => losses[factor]))
    expect(chosen.ofArm(name)).toEqual([outcomes.get(`${name}-at-100`)![0], outcomes.get(`${name}-at-300`)![1]])
  }
})

test('rows that settings are chosen by lie right before the test window, behind the first snapshot', async () => {
  const lab = await readLab()
  expect(judgedFrom(lab)).toBe(600)
  expect(judgedFrom({ ...lab, publicationRows: [700] })).toBe(700)
})
