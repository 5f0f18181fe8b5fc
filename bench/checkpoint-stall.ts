/** How long checkpoints hold up a training, in its own loop: steps with a checkpoint between them against those without. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FeatureSpace, groupsByTime } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { type PresetName, presets } from '@headwater/runtime'
import { Checkpoints, defaultTraining, RecurringTraining } from '@headwater/training'
import { spread } from './report.ts'
import type { Events } from './training-step.ts'

export interface StallFigures {
  readonly preset: PresetName
  readonly rows: number
  readonly checkpointBytes: number
  /** Median of a step without a checkpoint near. */
  readonly stepMs: number
  /** What a checkpoint adds to the steps that it touches, the median of several. */
  readonly stallMs: number
  readonly stallSteps: number
}

const fedEvents = 20_000
const savesAt = [8, 16, 24]
const lastStep = 31
/** Steps from a checkpoint on that may feel it. */
const felt = 4

class Enough extends Error {}

export async function measureCheckpointStall(
  device: GpuDevice,
  log: Events,
  space: FeatureSpace,
  preset: PresetName,
): Promise<StallFigures> {
  const directory = mkdtempSync(join(tmpdir(), 'headwater-bench-'))
  const training = new RecurringTraining(device, space, join(directory, 'examples'), {
    ...defaultTraining,
    config: presets[preset],
    seed: 1,
  })
  try {
    let fed = 0
    for await (const chunk of log.events()) {
      for (const group of groupsByTime(chunk)) {
        training.feed(group)
        fed += group.length
      }
      if (fed >= fedEvents) break
    }
    const checkpoints = await Checkpoints.open({
      device,
      directory: join(directory, 'checkpoints'),
      settings: training.settings,
      onWarning: (message) => {
        throw new Error(message)
      },
    })
    let checkpointBytes = 0
    const endsMs: number[] = []
    const round = training.round(undefined, undefined, async (steps) => {
      endsMs[steps] = performance.now()
      if (steps === lastStep) throw new Enough()
      checkpoints.stepped()
      if (!savesAt.includes(steps)) return
      const { state, buffers } = training.capture()
      checkpointBytes = buffers.reduce((sum, { buffer }) => sum + buffer.size, 0)
      await checkpoints.save({ rounds: 0, labels: ['bench'], snapshot: 1, training: state }, buffers)
    })
    await round.catch((cause) => {
      if (!(cause instanceof Enough)) throw cause
    })
    await checkpoints.settled()
    const tookMs = endsMs.map((ms, i) => ms - endsMs[i - 1])
    const near = (step: number) => savesAt.some((save) => step > save && step <= save + felt)
    const calm = [...tookMs.keys()].filter((step) => step > 4 && !near(step)).map((step) => tookMs[step])
    const stepMs = spread(calm).median
    const stalls = savesAt.map((save) => endsMs[save + felt] - endsMs[save] - felt * stepMs)
    const stallMs = spread(stalls).median
    const { batchRows: rows } = defaultTraining
    return { preset, rows, checkpointBytes, stepMs, stallMs, stallSteps: stallMs / stepMs }
  } finally {
    training.dispose()
    rmSync(directory, { recursive: true, force: true })
  }
}
