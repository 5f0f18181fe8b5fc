/** The main job's training step on rows of the bundled log: its time, and where that goes. */
import { openLog } from '@headwater/datasets'
import { compileFeatures, groupsByTime, Replay } from '@headwater/features'
import { type KernelProfile, kernelRates, requestDevice } from '@headwater/gpu'
import { declareTower, smallTower, Weights } from '@headwater/runtime'
import { defaultTraining, initialize, type TrainingBatch, TrainStep } from '@headwater/training'
import { megabytes, provenance, publish, spread, table } from './report.ts'

const seed = 1
const warmEvents = 20_000
const batchCount = 8
const rounds = 20
const stepsPerRound = 4

const log = await openLog({ data: 'movietweetings' })
const space = compileFeatures(log.schema)
const { batchRows, roundRates } = defaultTraining

/** Full batches of rows in the log's order, behind enough events that users and items have a past. */
async function encodeBatches(): Promise<TrainingBatch[]> {
  const replay = new Replay(space)
  const batches = Array.from({ length: batchCount }, () => ({
    rows: batchRows,
    user: space.allocate('user', batchRows),
    item: space.allocate('item', batchRows),
    labels: new Uint8Array(batchRows * space.schema.tasks.length),
  }))
  let events = 0
  for await (const chunk of log.events())
    for (const group of groupsByTime(chunk)) {
      for (const event of group) {
        const place = events++ - warmEvents
        if (place === batchCount * batchRows) return batches
        if (place >= 0) replay.encode(event, batches[Math.floor(place / batchRows)], place % batchRows)
      }
      replay.ingest(group)
    }
  throw new RangeError(`The log has ${events} events, too few for ${batchCount} batches.`)
}

const batches = await encodeBatches()
const { tasks } = space.schema
const device = await requestDevice({ label: 'training bench' })
const tower = declareTower(space.user, space.item, tasks.length, smallTower)
const weights = new Weights(device, tower.set, true)
initialize(weights, seed)
const trainStep = new TrainStep(
  device,
  tower,
  weights,
  batchRows,
  tasks.map((task) => task.weight ?? 1),
)

let steps = 0
const run = async () => {
  await trainStep.run(batches[steps % batchCount], ++steps, seed, roundRates)
}
const startMs = performance.now()
await run()
await device.idle()
const firstStepMs = performance.now() - startMs
for (let i = 0; i < stepsPerRound; i++) await run()

// Steps as in training and profiled ones take turns, so that both meet the same machine.
const stepMs: number[] = []
const kernelMs: number[] = []
const kernelShares: number[] = []
const profile = new Map<string, KernelProfile>()
for (let round = 0; round < rounds; round++) {
  await device.idle()
  const beginMs = performance.now()
  for (let i = 0; i < stepsPerRound; i++) await run()
  await device.idle()
  stepMs.push((performance.now() - beginMs) / stepsPerRound)
  const batch = batches[steps % batchCount]
  const times = await trainStep.profile(batch, ++steps, seed, roundRates, profile)
  kernelMs.push(times.kernelMs)
  kernelShares.push(times.kernelMs / times.wallMs)
}
const loss = await trainStep.meanLoss()

const kernels = kernelRates(profile).map(({ kernel, count, timeMs, gflops, gbps }) => ({
  kernel,
  dispatches: count / rounds,
  msPerStep: timeMs / rounds,
  gflops,
  gigabytesPerSecond: gbps,
}))
const figures = {
  log: log.name,
  rows: batchRows,
  parameters: tower.set.count,
  steps,
  firstStepMs,
  stepMs: spread(stepMs),
  kernelMs: spread(kernelMs),
  kernelShare: spread(kernelShares),
  plan: { plannedBytes: trainStep.plan.plannedBytes, naiveBytes: trainStep.plan.naiveBytes },
  loss,
  kernels,
}
const percent = (share: number) => `${(100 * share).toFixed(1)} %`
const range = ({ p10, p90 }: { p10: number; p90: number }) => `p10 ${p10.toFixed(1)}, p90 ${p90.toFixed(1)}`
const text = `small tower, ${figures.parameters} parameters, ${batchRows} rows of ${log.name} a step, ${steps} steps
ms a step       ${figures.stepMs.median.toFixed(1)} (${range(figures.stepMs)}); the first ${firstStepMs.toFixed(0)}, with the driver's compilation
in kernels      ${percent(figures.kernelShare.median)} of a profiled step's wall time (p10 ${percent(figures.kernelShare.p10)}, p90 ${percent(figures.kernelShare.p90)}), ${figures.kernelMs.median.toFixed(1)} ms
plan            ${megabytes(figures.plan.plannedBytes)} of transients, ${megabytes(figures.plan.naiveBytes)} with a buffer each
loss            ${loss.toFixed(4)} nats

${table([
  { title: 'kernel', cells: kernels.map((k) => k.kernel) },
  { title: 'a step', cells: kernels.map((k) => String(k.dispatches)) },
  { title: 'ms', cells: kernels.map((k) => k.msPerStep.toFixed(2)) },
  { title: 'GFLOP/s', cells: kernels.map((k) => k.gflops.toFixed(2)) },
  { title: 'GB/s', cells: kernels.map((k) => k.gigabytesPerSecond.toFixed(2)) },
])}`
publish('training', provenance(device), text, figures)
trainStep.dispose()
weights.dispose()
device.destroy()
await log.close()
