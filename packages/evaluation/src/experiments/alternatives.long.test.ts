/** The alternatives on a log of seconds: all of them, and what their settings are chosen by. */
import { join } from 'node:path'
import type { LogEvent } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Arm, ArmOutcome } from '../lab/arms/arm.ts'
import { LabCache } from '../lab/cache/lab-cache.ts'
import type { LabLog } from '../lab/log/lab-log.ts'
import { renderEvaluationHtml } from '../report/evaluation/html-report.ts'
import { renderEvaluationMarkdown } from '../report/evaluation/markdown-report.ts'
import type { EvaluationResult } from '../report/findings.ts'
import { runExperiments } from '../run/run-experiments.ts'
import { silent } from '../testing/small-job.ts'
import { readSmallLab } from '../testing/small-lab.ts'
import { memoryLog, smallEvents, smallSchema } from '../testing/small-log.ts'
import { alternatives } from './alternatives.ts'
import { alternativeArms } from './alternatives-arms.ts'

const events = smallEvents(1500, 7)
const directory = temporaryDirectory()
let device: GpuDevice
let lab: LabLog
let result: EvaluationResult

beforeAll(async () => {
  device = await requestDevice()
  lab = await readSmallLab(memoryLog(smallSchema, events))
  result = await runExperiments({
    device,
    lab,
    experiments: [alternatives],
    seeds: [1],
    quick: false,
    stages: silent,
    directory,
    commandOf: () => 'headwater evaluate alternatives',
    about: { version: '0.0.0', commit: null, command: 'headwater evaluate', startedAt: '2024-01-01T00:00:00.000Z' },
  })
})

afterAll(() => device.destroy())

test('all are scored on the ranking model’s rows, and the tower is held against each', () => {
  const [{ scores, comparisons, tables, holds }] = result.experiments
  expect(holds).toEqual(expect.any(Boolean))
  const names = tables[0].rows.map(([name]) => name)
  expect(names).toHaveLength(11)
  const ranking = scores.filter(({ model }) => model === 'ranking')
  expect(ranking.map(({ arm }) => arm)).toEqual(['without', ...names])
  for (const { rows, ne } of ranking) {
    expect(rows).toBe(450)
    expect(Number.isFinite(ne.value)).toBe(true)
  }
  const claims = comparisons.filter(({ adjustedPValue }) => adjustedPValue !== null)
  expect(claims.map(({ over }) => over)).toEqual(names.slice(0, -1))
  expect(claims.every(({ arm }) => arm === 'tower')).toBe(true)
  // A running base rate is all but the rows' own, whose normalized entropy is 1.
  const baseRate = ranking.find(({ arm }) => arm === 'base-rate')!
  expect(Math.abs(baseRate.ne.value - 1)).toBeLessThan(0.02)
  expect(renderEvaluationHtml(result)).not.toMatch(/NaN|undefined/)
  expect(renderEvaluationMarkdown(result)).toContain('learning rate × 0.33, 1.00, 3.00')
})

test('what is served in the tower’s place has as many numbers', () => {
  const widths = new Map(result.experiments[0].arms.map(({ name, figures }) => [name, figures.vectorWidth]))
  const towers = widths.get('tower-at-100')
  for (const name of ['factors', 'pooled-history', 'autoencoder', 'self-attention', 'tower'])
    for (const point of [33, 100, 300]) expect(widths.get(`${name}-at-${point}`)).toBe(towers)
  expect(widths.get('untrained')).toBe(towers)
})

test('settings are chosen without a row of the test window', async () => {
  const flipped = events.map((event): LogEvent => {
    if (event.row < lab.test.fromRow) return event
    const [genre, age, place, stars] = event.values
    return { ...event, values: [genre, age, place, (stars as number) >= 4 ? 1 : 5] }
  })
  const others = await readSmallLab(memoryLog(smallSchema, flipped))
  const run = (own: LabLog, where: string, arm: Arm): Promise<ArmOutcome> =>
    new LabCache(where, own, 'a test').run(arm, { device, lab: own, stages: silent, signal: undefined })
  const elsewhere = join(directory, 'flipped')
  const names = ['popularity', 'factors', 'pooled-history', 'autoencoder', 'self-attention', 'target-attention']
  for (const name of names) {
    const arm = alternativeArms(lab, 1).find((own) => own.name === `${name}-at-100`)!
    const [here, there] = [await run(lab, directory, arm), await run(others, elsewhere, arm)]
    expect(there.figures.judgedLoss).toBe(here.figures.judgedLoss)
    expect(there.columns.ranking).not.toEqual(here.columns.ranking)
  }
})
