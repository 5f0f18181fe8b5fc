import { createHash } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openSyntheticLog, smallSetting, syntheticEvents, syntheticWorld } from '@headwater/datasets'
import { compileFeatures, type FeatureSpace, type LogEvent } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import {
  listSnapshots,
  publishSnapshot,
  readServedSnapshot,
  type Snapshot,
  servedSnapshot,
  snapshotDirectory,
} from '@headwater/snapshot'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CheckpointError } from '../checkpoint/checkpoint-error.ts'
import { Checkpoints } from '../checkpoint/checkpoints.ts'
import { defaultTraining, type TrainingOptions } from '../options/training-options.ts'
import { tinyModel } from '../testing/tiny-model.ts'
import { BadStepsError } from './bad-steps.ts'
import { RecurringTraining } from './recurring-training.ts'
import { roundsByTime } from './rounds.ts'
import { type RoundReport, trainInRounds } from './training-run.ts'

const impressionsPerDay = 300
const setting = { ...smallSetting, users: 60, ads: 20, topics: 4, days: 3, impressionsPerDay }

let device: GpuDevice
let space: FeatureSpace
let log: LogEvent[]
beforeAll(async () => {
  device = await requestDevice({ label: 'training run tests' })
  space = compileFeatures(openSyntheticLog({ setting }).schema)
  log = [...syntheticEvents(syntheticWorld({ setting }))].map(({ event }) => event)
})
afterAll(() => device.destroy())

const options: TrainingOptions = {
  seed: 1,
  ...defaultTraining,
  config: tinyModel,
  batchRows: 64,
}

/** Goes through events by the day, as a process of its own would, resuming where the directory has a checkpoint. */
async function train(
  directory: string,
  events: readonly LogEvent[],
  more: Partial<TrainingOptions> & {
    maxRounds?: number
    signal?: AbortSignal
    onStep?: (steps: number) => void
    warmStart?: Snapshot
  } = {},
) {
  const { maxRounds = 99, signal, onStep, warmStart, ...change } = more
  const reports: RoundReport[] = []
  const warnings: string[] = []
  const training = new RecurringTraining(device, space, join(temporaryDirectory(), 'examples'), {
    ...options,
    ...change,
  })
  if (warmStart) training.warmStart(warmStart)
  const onWarning = (message: string) => warnings.push(message)
  try {
    const checkpoints = await Checkpoints.open({
      device,
      directory: join(directory, 'checkpoints'),
      settings: training.settings,
      onWarning,
    })
    const finished = await trainInRounds({
      training,
      modelDirectory: directory,
      rounds: roundsByTime(
        {
          timeRange: { firstMs: log[0].timeMs },
          events: async function* () {
            yield events
          },
        },
        86_400_000,
      ),
      maxRounds,
      checkpoints,
      checkpointEverySteps: 3,
      resumeFrom: await checkpoints.newest(),
      reporter: {
        feed: () => {},
        fed: () => {},
        train: () => {},
        trained: (steps) => onStep?.(steps),
        published: (report) => reports.push(report),
        warning: onWarning,
      },
      signal,
    })
    const matrices = await training.matrices()
    const bits = createHash('sha256')
    for (const { data } of matrices) bits.update(new Uint8Array(data.buffer))
    return { finished, reports, warnings, matrices, bits: bits.digest('hex') }
  } finally {
    training.dispose()
  }
}

describe('a run', () => {
  it('cut off by its signal goes on where it was, and a log that has grown goes on behind its end', async () => {
    const unbroken = await train(temporaryDirectory(), log)
    expect(unbroken).toMatchObject({ finished: 3, warnings: [] })
    expect(unbroken.reports.map(({ round }) => round)).toEqual([1, 2, 3])
    const events = unbroken.reports.map((report) => report.events)
    expect(events[0] + events[1] + events[2]).toBe(log.length)

    const directory = temporaryDirectory()
    const abort = new AbortController()
    const stopped = train(directory, log, {
      signal: abort.signal,
      onStep: (steps) => steps === 4 && abort.abort(new Error('enough')),
    })
    await expect(stopped).rejects.toThrow('enough')
    const twoDays = log.slice(0, events[0] + events[1])
    const resumed = await train(directory, twoDays)
    expect(resumed).toMatchObject({ finished: 2, warnings: [] })
    // Figures of a round count the steps before the checkpoint too.
    expect(resumed.reports.map(({ summary }) => summary)).toEqual(
      unbroken.reports.slice(0, 2).map(({ summary }) => summary),
    )
    const grown = await train(directory, log)
    expect(grown.finished).toBe(3)
    expect(grown.reports.filter(({ summary }) => summary).map(({ round }) => round)).toEqual([3])
    expect(grown.bits).toBe(unbroken.bits)
    expect(await listSnapshots(directory)).toHaveLength(3)

    const shorter = train(directory, twoDays)
    await expect(shorter).rejects.toThrow(CheckpointError)
    await expect(train(directory, twoDays)).rejects.toThrow(/was made on a longer log: 900 rows, this one has \d+\./)
    const other = log.map((event, row) => (row === 5 ? { ...event, user: 'somebody' } : event))
    await expect(train(directory, other)).rejects.toThrow(/was made on other data/)
  })

  it('that began with a snapshot is resumed without it, bit for bit', async () => {
    const before = temporaryDirectory()
    await train(before, log, { maxRounds: 1 })
    const warmStart = await readServedSnapshot(before)
    const unbroken = await train(temporaryDirectory(), log, { maxRounds: 2, warmStart })
    // one pass over 270 rows, as in a round behind the first
    expect(unbroken.reports[0].summary!.steps).toBe(Math.ceil(270 / 64))
    const directory = temporaryDirectory()
    const abort = new AbortController()
    const onStep = (steps: number) => steps === 2 && abort.abort(new Error('enough'))
    await expect(train(directory, log, { warmStart, signal: abort.signal, onStep })).rejects.toThrow('enough')
    const resumed = await train(directory, log, { maxRounds: 2 })
    expect(resumed.bits).toBe(unbroken.bits)
    expect((await train(temporaryDirectory(), log, { maxRounds: 2 })).bits).not.toBe(unbroken.bits)
  })

  it('stops at its last round, and has nothing to do when resumed', async () => {
    const directory = temporaryDirectory()
    const first = await train(directory, log, { maxRounds: 1 })
    expect(first).toMatchObject({ finished: 1 })
    const again = await train(directory, log, { maxRounds: 1 })
    expect(again).toMatchObject({ finished: 1, warnings: [] })
    expect(again.bits).toBe(first.bits)
    expect(await listSnapshots(directory)).toHaveLength(1)
  })

  it('killed behind its publication does not publish again, and serves what the gate had let pass', async () => {
    const directory = temporaryDirectory()
    const gate = { ...defaultTraining.publication.gate, minRows: 1e9, maxResidual: 1e9, maxNormRatio: 1e9 }
    const publication = { ...defaultTraining.publication, gate }
    await train(directory, log, { maxRounds: 2, publication })
    const pointer = join(directory, 'current.json')
    const { served, ...rest } = JSON.parse(readFileSync(pointer, 'utf8'))
    expect(served).toHaveLength(2)
    writeFileSync(pointer, JSON.stringify({ ...rest, served: served.slice(0, 1) }))
    const again = await train(directory, log, { maxRounds: 2, publication })
    expect(again.reports).toMatchObject([{ round: 2, summary: null, manifest: { snapshot: 2 } }])
    expect(await listSnapshots(directory)).toHaveLength(2)
    expect(await servedSnapshot(directory)).toBe(2)
  })

  it('does not take the snapshot of somebody else for its own', async () => {
    const directory = temporaryDirectory()
    const { reports, matrices } = await train(directory, log, { maxRounds: 1 })
    rmSync(snapshotDirectory(directory, 1), { recursive: true })
    await publishSnapshot(directory, space.schema, matrices, { ...reports[0].manifest, trainedRows: 1 })
    await expect(train(directory, log)).rejects.toThrow(/Snapshot 1 of .* something else published there since/)
  })

  it('warns of a round whose labels are all the same', async () => {
    const click = space.schema.fields.findIndex(({ name }) => name === space.schema.tasks[0].field)
    const always = log
      .slice(0, impressionsPerDay)
      .map((event) => ({ ...event, values: event.values.map((value, i) => (i === click ? 1 : value)) }))
    const { warnings, finished } = await train(temporaryDirectory(), always)
    expect(finished).toBe(1)
    expect(warnings).toEqual([
      expect.stringMatching(/^Round of .*, task \S+: all 300 labels are 1, there is nothing to tell apart\./),
    ])
  })
})

describe('steps that are not finite', () => {
  /** A step at this rate leaves weights whose gradient cannot be squared. */
  const explosive = { dense: 1e30, tables: 0.02, weightDecay: 0 }

  it('are counted, and leave weights finite', async () => {
    const training = new RecurringTraining(device, space, join(temporaryDirectory(), 'examples'), {
      ...options,
      firstRates: explosive,
      maxBadSteps: 1000,
    })
    training.feed(log)
    const { steps, skipped, loss } = await training.round()
    expect(skipped).toBeGreaterThan(0)
    expect(skipped).toBeLessThan(steps)
    expect(loss).toBeLessThan(Number.POSITIVE_INFINITY)
    for (const { name, data } of await training.matrices()) expect(data.every(Number.isFinite), name).toBe(true)
    training.dispose()
  })

  it('end the run when there are too many; checkpoints and the served snapshot stay', async () => {
    const directory = temporaryDirectory()
    const change = { roundRates: explosive, maxBadSteps: 2 }
    await expect(train(directory, log, change)).rejects.toThrow(BadStepsError)
    await expect(train(directory, log, change)).rejects.toThrow(
      /Training, step \d+: \d+ steps of this round had a gradient that is not finite .* more than maxBadSteps, 2\. Lower/,
    )
    expect(await servedSnapshot(directory)).toBe(1)
  })
})
