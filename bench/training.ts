/**
 * Training and encoding of the towers, section by section (`--filter` names one):
 *
 * - plain-mlp: a step of a plain MLP against TensorFlow.js on the same adapter
 * - step-small, step-base: a training step, its kernels' share, each dispatch alone, the plan's memory
 * - encode: the user tower against onnxruntime on the model that we export
 * - encode-alone: the user tower without peers, which are not there on every machine
 * - growth: what 1,000 steady steps leave behind
 * - checkpoint: what a checkpoint costs the training loop
 * - paper: whether the largest preset fits a data-centre GPU, and a step of it here
 */
import { openLog } from '@headwater/datasets'
import { compileFeatures, type FeatureSpace } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { type PresetName, presets } from '@headwater/runtime'
import { describeModel } from '@headwater/training'
import { measureCheckpointStall, type StallFigures } from './checkpoint-stall.ts'
import { compareEncoding, type EncodeFigures, type EncodePeer } from './encode-peers.ts'
import { type Growth, measureGrowth } from './growth.ts'
import { browserLikeGpu } from './peers/environment.ts'
import { installPeers, peerVersions } from './peers/install.ts'
import { compareMlp, type MlpFigures } from './plain-mlp.ts'
import {
  digits,
  matching,
  megabytes,
  options,
  percent,
  progress,
  provenance,
  publish,
  runBench,
  table,
} from './report.ts'
import { measureRoofline, type Roofline, rooflineText } from './roofline.ts'
import { encodeBatches, measureSteps, type StepFigures, SteppedTower } from './training-step.ts'

interface Context {
  readonly device: GpuDevice
  readonly log: Awaited<ReturnType<typeof openLog>>
  readonly space: FeatureSpace
  readonly roofline: Roofline
}

interface Section {
  readonly name: string
  /** Whether it needs other libraries, which are installed for it. */
  readonly hasPeers?: boolean
  /** @returns what it found, in words, and its figures. */
  run(context: Context): Promise<{ readonly text: string; readonly figures: object }>
}

const judged = (holds: boolean) => (holds ? 'holds' : 'MISSED')
const milliseconds = ({ median, p10, p90 }: { median: number; p10: number; p90: number }) =>
  `${digits(median)} ms (p10 ${digits(p10)}, p90 ${digits(p90)})`

async function plainMlp({ device }: Context) {
  const { tensorflowMlp } = await import('./peers/tensorflow-mlp.ts')
  const figures: MlpFigures = await compareMlp(device, (problem) =>
    tensorflowMlp(peerVersions['@tensorflow/tfjs-backend-webgpu'], problem),
  )
  const { ours, peer, peerName, ratio } = figures
  const text = `plain MLP, 2048 rows, 1536 → 192 → 192 → 1, Adam: a step takes ${milliseconds(ours)}
  ${peerName}: ${milliseconds(peer)}, ${ratio.toFixed(2)} × ours (at least 2.5: ${judged(ratio >= 2.5)})`
  return { text, figures }
}

const stepSection = (preset: PresetName, rows: number, rounds: number, stepsPerRound: number): Section => ({
  name: `step-${preset}`,
  async run({ device, log, space, roofline }) {
    const stepped = new SteppedTower(device, space, preset, await encodeBatches(log, space, rows, 4))
    const figures = await measureSteps(device, stepped, roofline, rounds, stepsPerRound)
    stepped.dispose()
    return { text: stepText(figures), figures }
  },
})

/** What is asked of a step is asked of `base`: the smaller one's dispatches are too short for it on a software adapter. */
function stepText(f: StepFigures): string {
  const asked = (what: string, holds: boolean) => (f.preset === 'base' ? ` (${what}: ${judged(holds)})` : '')
  const worst = table([
    { title: '  loses most', cells: f.worst.map(({ kernel }) => `  ${kernel}`) },
    { title: 'tuning', cells: f.worst.map(({ tuning }) => tuning), left: true },
    { title: 'a step', cells: f.worst.map(({ count }) => String(count)) },
    { title: 'ms each', cells: f.worst.map(({ bestMs }) => digits(bestMs)) },
    { title: 'of roofline', cells: f.worst.map(({ roofline }) => percent(roofline)) },
    { title: 'ms lost a step', cells: f.worst.map(({ lostMs }) => digits(lostMs)) },
  ])
  const kernels = table([
    { title: '  kernel', cells: f.kernels.map(({ kernel }) => `  ${kernel}`) },
    { title: 'a step', cells: f.kernels.map(({ dispatches }) => String(dispatches)) },
    { title: 'ms', cells: f.kernels.map(({ msPerStep }) => msPerStep.toFixed(2)) },
    { title: 'GFLOP/s', cells: f.kernels.map(({ gflops }) => gflops.toFixed(2)) },
    { title: 'GB/s', cells: f.kernels.map(({ gigabytesPerSecond }) => gigabytesPerSecond.toFixed(2)) },
  ])
  const { plannedBytes, naiveBytes, ratio } = f.plan
  return `training step of ${f.preset}, ${f.parameters.toLocaleString('en')} parameters, ${f.rows} rows of the bundled log, ${f.steps} steps
  a step            ${milliseconds(f.stepMs)}; the first ${f.firstStepMs.toFixed(0)} ms, with the driver's compilation
  in kernels        ${percent(f.kernelShare.median)} of a profiled step's wall time, ${digits(f.kernelMs.median)} ms${asked('at least 90 %', f.kernelShare.median >= 0.9)}
  kernels alone     ${percent(f.sumOfBestShare)} of a step, each dispatch at its best${asked('at least 85 %', f.sumOfBestShare >= 0.85)}
  FMA               ${f.gigaflop.toFixed(2)} GFLOP a step, ${percent(f.fmaShare)} of the speed measured here
  plan              ${megabytes(plannedBytes)} of activations and gradients, ${megabytes(naiveBytes)} with a buffer each: ${ratio.toFixed(2)} (at most .6: ${judged(ratio <= 0.6)})
  loss              ${f.loss.toFixed(4)} nats
${worst}
${kernels}`
}

async function onnxruntimes(): Promise<EncodePeer[]> {
  const { onnxruntimeWeb } = await import('./peers/onnxruntime-web.ts')
  const node = await import('onnxruntime-node')
  return [
    onnxruntimeWeb(peerVersions['onnxruntime-web']),
    { name: 'onnxruntime-node CPU', library: node as never, provider: 'cpu' },
  ]
}

async function encode({ device, log, space }: Context, peers: readonly EncodePeer[]) {
  const figures: EncodeFigures[] = []
  for (const preset of ['base', 'small'] as const) {
    const stepped = new SteppedTower(device, space, preset, await encodeBatches(log, space, 512, 1))
    figures.push(...(await compareEncoding(device, space, stepped, peers, [64, 512])))
    stepped.dispose()
  }
  const lines = figures.flatMap(({ preset, rows, ours, peers, failures }) => [
    `encoding ${rows} users with ${preset}: ${milliseconds(ours)}`,
    ...Object.entries(peers).map(([name, { ms, ratio }]) => {
      const asked = name.includes('WebGPU') ? ` (at least 2: ${judged(ratio >= 2)})` : ''
      return `  ${name}: ${milliseconds(ms)}, ${ratio.toFixed(2)} × ours${asked}`
    }),
    ...failures.map((line) => `  FAILED: ${line}`),
  ])
  return { text: lines.join('\n'), figures }
}

async function growth({ device, log, space }: Context) {
  const stepped = new SteppedTower(device, space, 'small', await encodeBatches(log, space, 64, 4))
  const figures: Growth = await measureGrowth(device, 1000, () => stepped.run())
  stepped.dispose()
  const { heapBytesPerStep, heapBytes, heapNoiseBytes, deviceBytes } = figures
  const holds = deviceBytes === 0 && Math.abs(heapBytes) <= 3 * heapNoiseBytes
  const text = `1,000 steady steps of small, 64 rows: JS heap ${heapBytesPerStep.toFixed(1)} bytes a step, ${heapBytes} in all (noise ±${heapNoiseBytes.toFixed(0)}), device ${deviceBytes} bytes (0 within noise: ${judged(holds)})`
  return { text, figures }
}

async function checkpoint({ device, log, space }: Context) {
  const figures: StallFigures = await measureCheckpointStall(device, log, space, 'base')
  const { rows, checkpointBytes, stepMs, stallMs, stallSteps } = figures
  const text = `checkpoint of base, ${megabytes(checkpointBytes)}: holds the loop up for ${digits(stallMs)} ms, ${stallSteps.toFixed(2)} steps of ${digits(stepMs)} ms with ${rows} rows (less than 1: ${judged(stallSteps < 1)})`
  return { text, figures }
}

async function paper({ device, log, space }: Context) {
  const [planRows, rows] = [2048, 64]
  const { tasks } = space.schema
  const { flops, parameters, plans, limits } = describeModel(
    presets.paper,
    space.user,
    space.item,
    tasks.length,
    planRows,
  )
  const centre = limits.find(({ device: name }) => name.includes('data-centre'))!
  const stepped = new SteppedTower(device, space, 'paper', await encodeBatches(log, space, rows, 1))
  await stepped.run()
  await device.idle()
  const startMs = performance.now()
  await stepped.run()
  await device.idle()
  const stepMs = performance.now() - startMs
  const loss = await stepped.trainStep.meanLoss()
  stepped.dispose()
  const figures = {
    planRows,
    flops,
    parameters,
    training: plans.training,
    limits: centre,
    step: { rows, stepMs, loss },
  }
  const text = `paper: ${(flops.forward / 1e6).toFixed(0)} MFLOP an example forward, ${(parameters.dense / 1e6).toFixed(1)} M dense parameters; training at ${planRows} rows plans ${megabytes(plans.training.plannedBytes)}
  on the limits of ${centre.device}: ${centre.refusal ?? `fits, largest buffer ${megabytes(centre.largestBuffer?.sizeBytes ?? 0)}`}
  a step of ${rows} rows here: ${digits(stepMs)} ms, loss ${loss.toFixed(4)} nats`
  return { text, figures }
}

const sections: readonly Section[] = [
  { name: 'plain-mlp', hasPeers: true, run: plainMlp },
  stepSection('small', 512, 10, 4),
  stepSection('base', 2048, 4, 2),
  { name: 'encode', hasPeers: true, run: async (context) => encode(context, await onnxruntimes()) },
  { name: 'encode-alone', run: (context) => encode(context, []) },
  { name: 'growth', run: growth },
  { name: 'checkpoint', run: checkpoint },
  { name: 'paper', run: paper },
]

await runBench(async () => {
  const chosen = matching(sections, options().filter)
  if (chosen.some(({ hasPeers }) => hasPeers)) await installPeers(progress)
  // Before the peers are imported, which look for it.
  const gpu = browserLikeGpu()
  const device = await requestDevice({ gpu, label: 'training bench' })
  const log = await openLog({ data: 'movietweetings' })
  const roofline = await measureRoofline(device)
  const context = { device, log, space: compileFeatures(log.schema), roofline }
  const texts = [rooflineText(roofline)]
  const figures: { [name: string]: object } = {}
  for (const { name, run } of chosen) {
    progress(`${name} …`)
    const found = await run(context)
    progress(found.text)
    texts.push(found.text)
    figures[name] = found.figures
  }
  publish('training', provenance(device), texts.join('\n\n'), { roofline, sections: figures })
  await log.close()
  device.destroy()
  // The peers keep devices and timers open.
  process.exit(0)
})
