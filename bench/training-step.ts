/** Training steps of a preset on rows of the bundled log: their time, and where it goes. */
import { type FeatureSpace, groupsByTime, Replay } from '@headwater/features'
import { type GpuDevice, type KernelProfile, kernelRates } from '@headwater/gpu'
import { declareTower, type PresetName, presets, type Tower, Weights } from '@headwater/runtime'
import { allocateExamples, defaultTraining, initialize, type TrainingBatch, TrainStep } from '@headwater/training'
import { type Spread, spread } from './report.ts'
import type { Roofline } from './roofline.ts'
import { type DispatchFigure, sumOfBest, timeDispatches } from './step-breakdown.ts'

const seed = 1
const warmEvents = 20_000

export interface Events {
  readonly name: string
  events(): AsyncIterable<Parameters<typeof groupsByTime>[0]>
}

/** Full batches of rows in the log's order, behind enough events that users and items have a past. */
export async function encodeBatches(
  log: Events,
  space: FeatureSpace,
  rows: number,
  count: number,
): Promise<TrainingBatch[]> {
  const replay = new Replay(space)
  const batches = Array.from({ length: count }, () => allocateExamples(space, rows))
  let events = 0
  for await (const chunk of log.events())
    for (const group of groupsByTime(chunk)) {
      for (const event of group) {
        const place = events++ - warmEvents
        if (place === count * rows) return batches
        if (place < 0) continue
        const batch = batches[Math.floor(place / rows)]
        replay.encode(event, batch, place % rows)
        batch.timeMs[place % rows] = event.timeMs
      }
      replay.ingest(group)
    }
  throw new RangeError(`The log has ${events} events, too few for ${count} batches of ${rows}.`)
}

/** A tower with its weights and its recorded step, on batches that take turns. */
export class SteppedTower {
  readonly preset: PresetName
  readonly tower: Tower
  readonly weights: Weights
  readonly trainStep: TrainStep
  readonly batches: readonly TrainingBatch[]
  steps = 0

  constructor(device: GpuDevice, space: FeatureSpace, preset: PresetName, batches: readonly TrainingBatch[]) {
    const { tasks } = space.schema
    this.preset = preset
    this.tower = declareTower(space.user, space.item, tasks.length, presets[preset])
    this.weights = new Weights(device, this.tower.set, true)
    initialize(this.weights, seed)
    this.batches = batches
    const taskWeights = tasks.map((task) => task.weight ?? 1)
    this.trainStep = new TrainStep(device, this.tower, this.weights, batches[0].rows, taskWeights)
  }

  get #batch(): TrainingBatch {
    return this.batches[this.steps % this.batches.length]
  }

  async run(): Promise<void> {
    const batch = this.#batch
    await this.trainStep.run(batch, ++this.steps, seed, defaultTraining.roundRates)
  }

  profile(profile: Map<string, KernelProfile>) {
    const batch = this.#batch
    return this.trainStep.profile(batch, ++this.steps, seed, defaultTraining.roundRates, profile)
  }

  dispose(): void {
    this.trainStep.dispose()
    this.weights.dispose()
  }
}

export interface StepFigures {
  readonly preset: PresetName
  readonly rows: number
  readonly parameters: number
  readonly steps: number
  readonly loss: number
  /** With the driver's compilation. */
  readonly firstStepMs: number
  /** Of a step in a row of steps. */
  readonly stepMs: Spread
  /** Of the kernels of a profiled step, and their share of that step's wall time. */
  readonly kernelMs: Spread
  readonly kernelShare: Spread
  readonly gigaflop: number
  /** Of the speed of FMA that was measured in the same run. */
  readonly fmaShare: number
  /** Each dispatch at its best, alone, by the step's time. */
  readonly sumOfBestShare: number
  /** The five that lose most to the roofline. */
  readonly worst: readonly DispatchFigure[]
  readonly plan: { readonly plannedBytes: number; readonly naiveBytes: number; readonly ratio: number }
  readonly kernels: readonly {
    readonly kernel: string
    readonly dispatches: number
    readonly msPerStep: number
    readonly gflops: number
    readonly gigabytesPerSecond: number
  }[]
}

/** @param rounds each of some steps as in training and one profiled, so that both meet the same machine. */
export async function measureSteps(
  device: GpuDevice,
  stepped: SteppedTower,
  roofline: Roofline,
  rounds: number,
  stepsPerRound: number,
): Promise<StepFigures> {
  const { trainStep, tower, preset, batches } = stepped
  const startMs = performance.now()
  await stepped.run()
  await device.idle()
  const firstStepMs = performance.now() - startMs
  for (let i = 0; i < stepsPerRound; i++) await stepped.run()
  const stepMs: number[] = []
  const kernelMs: number[] = []
  const kernelShares: number[] = []
  const profile = new Map<string, KernelProfile>()
  for (let round = 0; round < rounds; round++) {
    await device.idle()
    const beginMs = performance.now()
    for (let i = 0; i < stepsPerRound; i++) await stepped.run()
    await device.idle()
    stepMs.push((performance.now() - beginMs) / stepsPerRound)
    const times = await stepped.profile(profile)
    kernelMs.push(times.kernelMs)
    kernelShares.push(times.kernelMs / times.wallMs)
  }
  const loss = await trainStep.meanLoss()
  const { dispatches } = trainStep.plan.program
  const alone = await timeDispatches(device, dispatches, roofline)
  const median = spread(stepMs).median
  const flops = dispatches.reduce((sum, dispatch) => sum + dispatch.flops, 0)
  const { plannedBytes, naiveBytes } = trainStep.plan
  return {
    ...{ preset, rows: batches[0].rows, parameters: tower.set.count, steps: stepped.steps, loss, firstStepMs },
    ...{ stepMs: spread(stepMs), kernelMs: spread(kernelMs), kernelShare: spread(kernelShares) },
    gigaflop: flops / 1e9,
    fmaShare: flops / median / 1e6 / roofline.gflops,
    sumOfBestShare: sumOfBest(alone) / median,
    worst: alone.slice(0, 5),
    plan: { plannedBytes, naiveBytes, ratio: plannedBytes / naiveBytes },
    kernels: kernelRates(profile).map(({ kernel, count, timeMs, gflops, gbps }) => ({
      kernel,
      dispatches: count / rounds,
      msPerStep: timeMs / rounds,
      gflops,
      gigabytesPerSecond: gbps,
    })),
  }
}
