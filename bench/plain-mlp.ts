/**
 * A training step of a plain MLP, 2048 rows through 1536 → 192 → 192 → 1 with ReLU, binary cross-entropy and Adam: ours
 * against TensorFlow.js on the same adapter, in turn. Inputs lie on the device and nothing is read back while it is timed.
 * Both start from the same weights, and have to be at the same loss after the same number of steps.
 */
import type { GpuDevice } from '@headwater/gpu'
import { bceMultiTask, padded, reluBackward } from '@headwater/kernels'
import {
  declareLinear,
  linearBackward,
  linearForward,
  ParameterSet,
  persistent,
  Recorder,
  type Tensor,
  Weights,
  withWeights,
} from '@headwater/runtime'
import { seededRandom } from '@headwater/statistics'
import { recordAdamw, writeRates } from '@headwater/training'
import { Patience } from './patience.ts'
import { type Spread, spread } from './report.ts'

export interface MlpProblem {
  readonly rows: number
  /** Of input, hidden layers and output. */
  readonly widths: readonly number[]
  /** [rows, widths[0]] */
  readonly x: Float32Array
  /** 0/1 [rows] */
  readonly labels: Float32Array
  /** Of each layer, [in, out]; biases start at zero. */
  readonly weights: readonly Float32Array[]
  readonly learningRate: number
}

export interface MlpContestant {
  readonly name: string
  readonly device: GPUDevice
  /** Hands over that many steps to the device. */
  queue(repeats: number): void
  /** One more step. @returns the mean loss before it, nats. */
  loss(): Promise<number>
}

const rounds = 9
const measurementMs = 400
const comparedSteps = 4

/** Rows whose label a hidden direction decides, so that there is something to learn. */
export function mlpProblem(rows = 2048, widths: readonly number[] = [1536, 192, 192, 1]): MlpProblem {
  const random = seededRandom(1)
  const uniform = (length: number, bound: number) =>
    Float32Array.from({ length }, () => (random.nextFloat() * 2 - 1) * bound)
  const x = Float32Array.from({ length: rows * widths[0] }, () => random.nextNormal())
  const direction = uniform(widths[0], 1)
  const labels = Float32Array.from({ length: rows }, (_, r) =>
    direction.reduce((sum, value, i) => sum + value * x[r * widths[0] + i], 0) > 0 ? 1 : 0,
  )
  const weights = widths.slice(1).map((width, i) => uniform(widths[i] * width, 1 / Math.sqrt(widths[i])))
  return { rows, widths, x, labels, weights, learningRate: 1e-3 }
}

function ownMlp(device: GpuDevice, problem: MlpProblem): MlpContestant {
  const { rows, widths, x, labels, learningRate } = problem
  const set = new ParameterSet()
  const layers = problem.weights.map((_, i) => declareLinear(set, `layer${i}`, widths[i], widths[i + 1]))
  const weights = new Weights(device, set, true)
  for (const [i, values] of problem.weights.entries()) weights.write(`layer${i}.weight`, values)
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST
  const given = (label: string, r: number, c: number, data: Float32Array): Tensor => {
    const packed = new Float32Array(r * padded(c))
    for (let i = 0; i < r; i++) packed.set(data.subarray(i * c, (i + 1) * c), i * padded(c))
    const buffer = device.buffer(label, packed.byteLength, usage)
    device.gpuDevice.queue.writeBuffer(buffer, 0, packed)
    return persistent(buffer, r, c)
  }
  const input = given('x', rows, widths[0], x)
  const target = given('labels', rows, 1, labels)
  const labelWeights = given('label weights', rows, 1, new Float32Array(rows).fill(1))
  const taskWeights = given('task weights', 1, 1, Float32Array.of(1))

  const rec = new Recorder(device)
  const model = withWeights(rec, weights)
  const outputs = [input]
  for (const [i, layer] of layers.entries()) {
    const y = rec.tensor(`output ${i}`, rows, widths[i + 1])
    linearForward(model, layer, outputs[i], y, i < layers.length - 1 ? { activation: 'relu' } : {})
    outputs.push(y)
  }
  const loss = rec.keep(rec.tensor('loss', rows, 1))
  let dy = rec.tensor('gradient of logits', rows, 1)
  rec.dispatch(
    bceMultiTask,
    { R: rows, T: 1, scale: 1 / rows },
    { logits: outputs[layers.length], labels: target, labelWeights, taskWeights, loss, dlogits: dy },
  )
  for (let i = layers.length - 1; i >= 0; i--) {
    if (i === 0) {
      linearBackward(model, layers[0], input, dy)
      break
    }
    const dx = rec.tensor(`gradient of output ${i - 1}`, rows, widths[i])
    linearBackward(model, layers[i], outputs[i], dy, { into: dx, accumulate: false })
    const dSum = rec.tensor(`gradient before ReLU ${i - 1}`, rows, widths[i])
    rec.dispatch(reluBackward, { count4: (rows * dx.stride) / 4, scale: 1 }, { y: outputs[i], dy: dx, dx: dSum })
    dy = dSum
  }
  recordAdamw(rec, weights)
  const { program } = rec.plan('plain MLP')
  let steps = 0
  const step = () => {
    writeRates(weights, ++steps, 1, { dense: learningRate, tables: 0, weightDecay: 0 })
    program.submit()
  }
  return {
    name: 'headwater',
    device: device.gpuDevice,
    queue(repeats) {
      for (let i = 0; i < repeats; i++) step()
    },
    async loss() {
      step()
      const losses = new Float32Array(await device.read(loss.storage.buffer!, rows * loss.stride * 4))
      return losses.reduce((sum, value, i) => (i % padded(1) === 0 ? sum + value : sum), 0) / rows
    },
  }
}

export interface MlpFigures {
  /** Milliseconds of a step. */
  readonly ours: Spread
  readonly peer: Spread
  readonly peerName: string
  /** Peer ÷ ours, round by round. */
  readonly ratio: number
}

/** @throws Error where both are not at the same loss. */
export async function compareMlp(
  device: GpuDevice,
  startPeer: (problem: MlpProblem) => Promise<MlpContestant>,
): Promise<MlpFigures> {
  const problem = mlpProblem()
  const contestants = [ownMlp(device, problem), await startPeer(problem)]
  const losses: number[][] = []
  for (const contestant of contestants) {
    const own: number[] = []
    for (let i = 0; i < comparedSteps; i++) own.push(await contestant.loss())
    losses.push(own)
  }
  for (const [i, loss] of losses[0].entries())
    if (!(Math.abs(loss - losses[1][i]) < 1e-3))
      throw new Error(
        `Plain MLP, step ${i + 1}: ours is at a loss of ${loss}, ${contestants[1].name} at ${losses[1][i]}.`,
      )
  const entries = contestants.map((contestant) => ({
    contestant,
    patience: new Patience(),
    repeats: 1,
    times: [] as number[],
  }))
  const time = async ({ contestant, patience, repeats }: (typeof entries)[number]) => {
    for (;;) {
      const startMs = performance.now()
      contestant.queue(repeats)
      const tookMs = await patience.wait(contestant.device.queue, startMs)
      if (tookMs !== undefined) return tookMs / repeats
    }
  }
  for (const entry of entries) {
    await time(entry)
    const onceMs = await time(entry)
    entry.repeats = Math.max(1, Math.round(measurementMs / onceMs))
    entry.patience = new Patience()
  }
  for (let round = 0; round < rounds; round++) for (const entry of entries) entry.times.push(await time(entry))
  const [ours, peer] = entries
  return {
    ours: spread(ours.times),
    peer: spread(peer.times),
    peerName: contestants[1].name,
    ratio: spread(peer.times.map((ms, i) => ms / ours.times[i])).median,
  }
}
