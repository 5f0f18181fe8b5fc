/** Experiments from the log to the report, on logs of seconds: what is kept, what is found again, what is refused. */
import { existsSync, readdirSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { openSyntheticLog, referenceSetting, syntheticWorld } from '@headwater/datasets'
import type { LogEvent } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { experiments, experimentsNamed } from '../experiments/experiments.ts'
import { ExperimentError } from '../lab/log/experiment-error.ts'
import type { LabLog } from '../lab/log/lab-log.ts'
import { renderEvaluationHtml } from '../report/evaluation/html-report.ts'
import { renderEvaluationMarkdown, renderEvaluationText } from '../report/evaluation/markdown-report.ts'
import { shortened } from '../report/figures/interval-figure.ts'
import type { EvaluationResult } from '../report/findings.ts'
import { silent } from '../testing/small-job.ts'
import { readSmallLab } from '../testing/small-lab.ts'
import { memoryLog, smallEvents, smallSchema } from '../testing/small-log.ts'
import { checkExperiments, type RunOptions, runExperiments } from './run-experiments.ts'

const events = smallEvents(1500, 7)
const about = { version: '0.0.0', commit: null, command: 'headwater evaluate', startedAt: '2024-01-01T00:00:00.000Z' }
let device: GpuDevice
let lab: LabLog

beforeAll(async () => {
  device = await requestDevice()
  lab = await readSmallLab(memoryLog(smallSchema, events))
})

afterAll(() => device.destroy())

async function run(names: string[], directory: string, more: Partial<RunOptions> = {}): Promise<EvaluationResult> {
  const options = { device, lab, seeds: [1], quick: false, stages: silent, directory, about }
  return runExperiments({
    ...options,
    experiments: experimentsNamed(names),
    commandOf: (name) => `headwater evaluate ${name}`,
    ...more,
  })
}

/** All numbers of a result, by path. */
function numbersIn(value: unknown, path = ''): [string, number][] {
  if (typeof value === 'number') return [[path, value]]
  if (value === null || typeof value !== 'object') return []
  return Object.entries(value).flatMap(([key, inner]) => numbersIn(inner, `${path}.${key}`))
}

describe('gain, stopped between two arms and run again', () => {
  const directory = temporaryDirectory()
  const armsDirectory = join(directory, 'arms')
  const begun: string[] = []
  let result: EvaluationResult
  let kept: string[]
  let again: EvaluationResult

  beforeAll(async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    const stages = {
      ...silent,
      begin: (stage: string) => {
        if (stage.startsWith('untrained')) controller.abort(reason)
      },
    }
    await expect(run(['gain'], directory, { stages, signal: controller.signal })).rejects.toBe(reason)
    kept = readdirSync(armsDirectory)
    const watched = { ...silent, begin: (stage: string) => void begun.push(stage) }
    result = await run(['gain'], directory, { stages: watched })
    again = await run(['gain'], directory)
  })

  test('keeps whole arms alone, and goes on at the arm that was under way', () => {
    expect(kept.filter((name) => !name.endsWith('.partial'))).toHaveLength(3)
    for (const done of ['without', 'flags alone (control)', 'random fixed vector (control)'])
      expect(begun).not.toContain(done)
    expect(begun).toContain('untrained tower (control)')
    expect(result).toMatchObject({ armsCached: 3, armsRun: 12 })
    expect(existsSync(join(directory, 'pilot'))).toBe(false)
  })

  test('finds all again, to the same figures', () => {
    expect(again).toMatchObject({ armsCached: 15, armsRun: 0 })
    expect(again.experiments).toEqual(result.experiments)
  })

  test('and a damaged arm is run again', async () => {
    const [first] = readdirSync(armsDirectory)
    truncateSync(join(armsDirectory, first), 100)
    expect((await run(['gain'], directory)).experiments).toEqual(result.experiments)
  })

  test('has every figure, all of them finite', () => {
    const [{ scores, comparisons, arms, ...gain }] = result.experiments
    expect(gain).toMatchObject({ name: 'gain', holds: expect.any(Boolean), gapShares: [], seeds: [1] })
    expect(numbersIn(result).filter(([, value]) => !Number.isFinite(value))).toEqual([])
    expect(JSON.parse(JSON.stringify(result))).toEqual(result)
    expect(arms).toHaveLength(15)
    const models = lab.family.map(({ name }) => name)
    expect(new Set(scores.map(({ model }) => model))).toEqual(new Set([...models, 'head']))
    for (const model of models) {
      const isUnseen = lab.family.find(({ name }) => name === model)!.unseen
      const isSplit = ({ arm }: { arm: string }) => arm.endsWith('#split')
      const own = comparisons.filter((c) => c.model === model && c.slice === 'all' && !isSplit(c))
      const bySplit = comparisons.filter((c) => c.model === model && isSplit(c)).map(({ over }) => over)
      expect(bySplit).toEqual(isUnseen ? [] : ['without#split', 'untrained#split'])
      const overs = own.filter(({ arm }) => arm.endsWith('asynchronous')).map(({ over }) => over.replace('unseen-', ''))
      expect(new Set(overs)).toEqual(new Set(['without', 'flags', 'random', 'untrained', 'features']))
    }
    // What a user's taste is worth on this log, by the control that has its counts.
    expect(scores.find(({ arm }) => arm === 'without')!.rows).toBe(450)
  })

  test('is reported', () => {
    const page = renderEvaluationHtml(result)
    expect(page).not.toMatch(/<script|<link|src=|NaN|undefined/)
    expect(page).toContain('What do served user embeddings buy downstream models?')
    const markdown = renderEvaluationMarkdown(result)
    expect(markdown).not.toMatch(/NaN|undefined/)
    expect(markdown).toContain('| asynchronous | without | ranking | all | 450 |')
    expect(markdown).toContain('Downstream models are progressive')
    expect(renderEvaluationText(result)).toMatch(/^gain: (yes|not shown), by one seed\. /)
  })
})

describe('a synthetic log', () => {
  let result: EvaluationResult

  beforeAll(async () => {
    const setting = { ...referenceSetting, users: 80, ads: 30, days: 6, impressionsPerDay: 450 }
    const world = syntheticWorld({ seed: 1, setting })
    const small = await readSmallLab(openSyntheticLog({ seed: 1, setting }), world)
    const names = ['serving', 'freshness', 'drift', 'ablation', 'sharing', 'log-size', 'power']
    result = await run(names, temporaryDirectory(), { lab: { ...small, quick: true }, quick: true })
  })

  test('has the other experiments, and a quick run has no verdict', () => {
    for (const { holds, charts, scores } of result.experiments) {
      expect(holds).toBeNull()
      expect(charts.length).toBeGreaterThan(0)
      expect(scores.length).toBeGreaterThan(0)
    }
    expect(numbersIn(result).filter(([, value]) => !Number.isFinite(value))).toEqual([])
    expect(renderEvaluationText(result)).toContain('no verdict')
    expect(renderEvaluationHtml(result)).not.toMatch(/NaN|undefined|Yes\./)
  })

  test('what a chart shows of its labels tells them apart', () => {
    const named = result.experiments.flatMap(({ charts }) => charts.filter(({ kind }) => kind === 'named'))
    expect(named.length).toBeGreaterThan(0)
    for (const { series } of named) {
      const shown = series[0].points.map(({ label }) => shortened(label))
      expect(new Set(shown).size).toBe(shown.length)
    }
  })

  test('towers learn from as many users as they say', () => {
    const sizes = result.experiments.find(({ name }) => name === 'log-size')!
    const flops = new Map(sizes.arms.map(({ name, figures }) => [name, figures.trainingFlops]))
    for (const input of ['counts', 'sequences'])
      expect(flops.get(`${input}-of-4`)! / flops.get(`${input}-of-1`)!).toBeLessThan(0.6)
  })

  test('what is reachable is told, and more is for who knows more', () => {
    const [{ title, rows }] = result.experiments[0].tables
    expect(title).toMatch(/^What is reachable/)
    const expected = new Map(rows.map(([knows, , byTruth]) => [knows, Number(byTruth)]))
    const [truth, synchronous] = expected.values()
    expect(expected.size).toBe(7)
    expect(truth).toBeLessThan(synchronous)
    expect(synchronous).toBeLessThan(expected.get('what was seen before the test window')!)
    expect(synchronous).toBeLessThan(expected.get('nothing of the user')!)
  })

  test('shares of the gap are there for every serving mode', () => {
    const serving = result.experiments[0]
    expect(serving.gapShares.map(({ arm }) => arm)).toContain('head-frozen')
    const figures = new Map(serving.arms.map((arm) => [arm.name, arm.figures]))
    const [frozen, daily, late, now] = ['frozen', 'daily', 'asynchronous', 'synchronous'].map((n) => figures.get(n)!)
    expect(frozen.encodesPerRow).toBe(0)
    expect(daily.encodesPerRow).toBeGreaterThan(0)
    // A request brings three rows, and one computation before it or behind it.
    expect(Math.abs(late.encodesPerRow - 1 / 3)).toBeLessThan(0.05)
    expect(Math.abs(now.encodesPerRow - 1 / 3)).toBeLessThan(0.05)
    expect(frozen.meanAgeMs).toBeGreaterThan(daily.meanAgeMs)
    expect(daily.meanAgeMs).toBeGreaterThan(now.meanAgeMs)
    expect(now.meanAgeMs).toBe(1)
  })
})

describe('what cannot be is said before any training', () => {
  const stars = (event: LogEvent, value: number | null): LogEvent => ({
    ...event,
    values: [...event.values.slice(0, 3), value],
  })
  const read = (rows: readonly LogEvent[]) => readSmallLab(memoryLog(smallSchema, rows))

  test('an experiment that does not exist', () => {
    expect(() => experimentsNamed(['gain', 'luck'])).toThrow(ExperimentError)
    expect(() => experimentsNamed(['luck'])).toThrow(
      `experiment "luck": does not exist; there are ${experiments.map(({ name }) => name).join(', ')}`,
    )
  })

  const cases: [title: string, rows: LogEvent[], message: string][] = [
    ['a log of one time', events.map((event) => ({ ...event, timeMs: 5 })), 'all rows have one time'],
    [
      'a test window of one class',
      events.map((event) => (event.row < 1050 ? event : stars(event, 5))),
      'the test window has 450 rows to be scored, without both classes',
    ],
    [
      'fewer users than intervals need',
      events.map((event) => (event.row < 1050 ? event : { ...event, user: `u${event.row % 29}` })),
      'has 29 users; intervals need 30',
    ],
    [
      'positives of one user alone',
      events
        .map((event) => (event.row < 1050 || event.row === 1060 ? event : stars(event, 1)))
        .map((event) => (event.row === 1060 ? stars(event, 5) : event)),
      'the test window has 1 users with a row of class 1',
    ],
  ]
  test.each(cases)('%s', async (_, rows, message) => {
    const failure = await read(rows).catch((error: unknown) => error as Error)
    expect(failure).toBeInstanceOf(ExperimentError)
    expect((failure as Error).message).toContain(message)
  })

  test('an arm without rows', async () => {
    const last = events.filter(({ values }) => values[2] === 'd2')
    // The rarest surface comes before the test window only.
    const rows = events.map((event) => {
      const isRare = event.row < 1050 && last.length > 0 && event.row % 40 === 0
      const values = [event.values[0], event.values[1], isRare ? 'rare' : 'd0', event.values[3]]
      return { ...event, values } as LogEvent
    })
    const own = await read(rows)
    expect(() => checkExperiments(own, experimentsNamed(['gain']))).toThrow(
      'downstream model "surface" (two towers, liked on device rare, which the upstream never saw) has 27 rows before the test window and 0 in it',
    )
    checkExperiments(own, experimentsNamed(['serving']))
  })

  test('a power analysis of a log whose world is not known', () => {
    expect(() => checkExperiments(lab, experimentsNamed(['power']))).toThrow('needs a synthetic log')
  })
})
