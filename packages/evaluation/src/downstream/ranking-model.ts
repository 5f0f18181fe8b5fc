/**
 * A downstream ranking model, small and plain: hashed ids and dense features, with or without a served embedding.
 *   X = [dense | mean of each bag's embeddings];  q = X W_q + b_q + e W_e, where e is the served embedding, if there is one
 *   Z = [q | G grouped dots of q and X W_v + b_v];  H₁ = ReLU(X W + Z W' + b);  H₂ = ReLU(H₁ W₂ + b₂)
 *   logit = H₂ w + X w' + Z w'' + b₃
 * Shape letters: R rows, D width of the served embedding.
 */
import type { SideBatch, SideLayout } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { bceMultiTask, groupedDotBackward, groupedDotForward, padded } from '@headwater/kernels'
import {
  columns,
  declareItemInputs,
  declareLinear,
  InputBatch,
  itemInputsBackward,
  itemInputsForward,
  linearBackward,
  linearForward,
  ParameterSet,
  type Plan,
  persistent,
  queueWrite,
  Recorder,
  reluDropoutBackward,
  type Tensor,
  Weights,
  type Write,
} from '@headwater/runtime'
import { initialize, type Rates, recordAdamw, writeRates } from '@headwater/training'

export interface RankingModelOptions {
  /** R, rows of a step. */
  readonly rows: number
  /** D; 0 for a model without a served embedding. */
  readonly embeddingDim: number
  readonly seed: number
  readonly rates: Rates
  /** L2 penalty on an id's embedding, a lookup. */
  readonly l2: number
  /** Steps whose logits are held on the device until `logits()`. */
  readonly steps: number
}

export const rankingModelDefaults = { rates: { dense: 1e-3, tables: 0.05, weightDecay: 0.01 }, l2: 0.1 } as const

const idWidth = 16
/** Width of q, and its dots with the item's vector: pairwise interactions that a plain MLP is slow to find. */
const queryWidth = 32
const dots = 8
const hiddenWidths = [64, 32] as const

function declare(layout: SideLayout, embeddingDim: number) {
  const set = new ParameterSet()
  const inputs = declareItemInputs(set, 'x', layout, idWidth)
  const served = embeddingDim > 0
  return {
    set,
    inputs,
    first: declareLinear(set, 'first', inputs.columns, hiddenWidths[0]),
    second: declareLinear(set, 'second', hiddenWidths[0], hiddenWidths[1]),
    last: declareLinear(set, 'last', hiddenWidths[1], 1),
    wide: declareLinear(set, 'wide', inputs.columns, 1, { bias: false }),
    query: declareLinear(set, 'query', inputs.columns, queryWidth),
    item: declareLinear(set, 'item', inputs.columns, queryWidth),
    // From zero: a model that has long been trained without must not be shaken when the first embeddings arrive.
    served: served ? declareLinear(set, 'served', embeddingDim, queryWidth, { bias: false, bound: 0 }) : null,
    firstOfZ: declareLinear(set, 'first-of-z', queryWidth + dots, hiddenWidths[0], {
      bias: false,
    }),
    wideOfZ: declareLinear(set, 'wide-of-z', queryWidth + dots, 1, { bias: false }),
  }
}

/**
 * Predicts a batch and then trains on it, in one recorded step: the logits come from the weights before the update. Where labels
 * come later, or predictions are held back, the two are apart.
 */
export class RankingModel {
  readonly options: RankingModelOptions
  readonly #device: GpuDevice
  readonly #model: Declared
  readonly #weights: Weights
  readonly #inputs: InputBatch
  readonly #write: Write
  readonly #embedding: Tensor | null
  readonly #labels: Tensor
  readonly #labelWeights: Tensor
  readonly #taskWeights: Tensor
  readonly #logits: Tensor
  readonly #plan: Plan
  readonly #predicting: Predicting
  /** Of the weights of the last `hold`. */
  #heldBack: (Predicting & { readonly weights: Weights }) | null = null
  readonly #held: GPUBuffer
  #heldRows: number[] = []
  #steps = 0

  constructor(device: GpuDevice, layout: SideLayout, options: RankingModelOptions) {
    const { rows, embeddingDim, seed } = options
    this.options = options
    this.#device = device
    const model = declare(layout, embeddingDim)
    const weights = new Weights(device, model.set, true)
    initialize(weights, seed)
    this.#model = model
    this.#weights = weights
    this.#inputs = new InputBatch(device, model.inputs.needs, rows, true)
    this.#write = queueWrite(device)
    const own = (label: string, r: number, c: number) =>
      persistent(device.buffer(label, r * padded(c) * 4, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST), r, c)
    this.#embedding = embeddingDim > 0 ? own('served embedding', rows, embeddingDim) : null
    this.#labels = own('labels', rows, 1)
    this.#labelWeights = own('label weights', rows, 1)
    this.#taskWeights = own('task weights', 1, 1)
    device.gpuDevice.queue.writeBuffer(this.#taskWeights.storage.buffer!, 0, Float32Array.of(1))

    this.#predicting = this.#recordPredicting(weights)

    const rec = new Recorder(device)
    const { x, h1, h2, z, v, dotShape, logits } = recordForward(rec, weights, model, this.#inputs, this.#embedding)
    this.#logits = rec.keep(logits)

    const loss = rec.tensor('loss', rows, 1)
    const dLogits = rec.tensor('gradient of logits', rows, 1)
    rec.dispatch(
      bceMultiTask,
      { R: rows, T: 1, scale: 1 / rows },
      {
        logits: this.#logits,
        labels: this.#labels,
        labelWeights: this.#labelWeights,
        taskWeights: this.#taskWeights,
        loss,
        dlogits: dLogits,
      },
    )
    const dh2 = rec.tensor('gradient of second hidden', rows, hiddenWidths[1])
    const dSum2 = rec.tensor('gradient before second ReLU', rows, hiddenWidths[1])
    const dh1 = rec.tensor('gradient of first hidden', rows, hiddenWidths[0])
    const dSum1 = rec.tensor('gradient before first ReLU', rows, hiddenWidths[0])
    const dx = rec.tensor('gradient of X', rows, model.inputs.columns)
    linearBackward(rec, weights, model.last, h2, dLogits, { into: dh2, accumulate: false })
    reluDropoutBackward(rec, h2, dh2, dSum2)
    linearBackward(rec, weights, model.second, h1, dSum2, { into: dh1, accumulate: false })
    reluDropoutBackward(rec, h1, dh1, dSum1)
    linearBackward(rec, weights, model.first, x, dSum1, { into: dx, accumulate: false })
    linearBackward(rec, weights, model.wide, x, dLogits, { into: dx, accumulate: true })
    const dz = rec.tensor('gradient of Z', rows, z.cols)
    const dv = rec.tensor('gradient of item vector', rows, queryWidth)
    linearBackward(rec, weights, model.firstOfZ, z, dSum1, { into: dz, accumulate: false })
    linearBackward(rec, weights, model.wideOfZ, z, dLogits, { into: dz, accumulate: true })
    rec.dispatch(groupedDotBackward, dotShape, { v, z, dz, dv })
    const dq = columns(dz, 0, queryWidth)
    linearBackward(rec, weights, model.item, x, dv, { into: dx, accumulate: true })
    linearBackward(rec, weights, model.query, x, dq, { into: dx, accumulate: true })
    if (model.served) linearBackward(rec, weights, model.served, this.#embedding!, dq)
    // The loss is a mean over rows, and so is its penalty.
    itemInputsBackward(rec, weights, model.inputs, this.#inputs, dx, options.l2 / rows)
    recordAdamw(rec, weights)
    this.#plan = rec.plan(`ranking model ${rows}`)
    this.#held = device.buffer(
      'held logits',
      options.steps * this.#logits.storage.sizeBytes,
      GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
    )
  }

  /**
   * Submits one step on up to R rows and returns at once.
   * @param embeddings f32 [R, D], ignored by a model without
   * @param labels 0/1 [R]
   */
  step(batch: SideBatch, embeddings: Float32Array | null, labels: Float32Array): void {
    if (this.#heldBack !== null) {
      this.predict(batch, embeddings)
      this.train(batch, embeddings, labels)
      return
    }
    this.#upload(batch, embeddings)
    this.#uploadLabels(batch, labels)
    this.#submit(this.#plan, this.#logits, batch.rows)
  }

  /** The first half of `step`, without labels: the rows' logits are held. */
  predict(batch: SideBatch, embeddings: Float32Array | null): void {
    this.#upload(batch, embeddings)
    const { plan, logits } = this.#heldBack ?? this.#predicting
    this.#submit(plan, logits, batch.rows)
  }

  /** The second half of `step`, on rows that may have been predicted long before. */
  train(batch: SideBatch, embeddings: Float32Array | null, labels: Float32Array): void {
    this.#upload(batch, embeddings)
    this.#uploadLabels(batch, labels)
    this.#plan.program.submit()
  }

  /** From now on it predicts with the weights of this moment, until the next call; training goes on beside. */
  hold(): void {
    if (this.#heldBack === null) {
      const weights = new Weights(this.#device, this.#model.set, false)
      this.#heldBack = { weights, ...this.#recordPredicting(weights) }
    }
    const { gpuDevice } = this.#device
    const encoder = gpuDevice.createCommandEncoder()
    const [from, to] = [this.#weights, this.#heldBack.weights].map((own) => valuesOf(own))
    for (const [i, { storage }] of from.entries())
      encoder.copyBufferToBuffer(
        storage.buffer!,
        storage.offsetBytes,
        to[i].storage.buffer!,
        to[i].storage.offsetBytes,
        storage.sizeBytes,
      )
    gpuDevice.queue.submit([encoder.finish()])
  }

  #recordPredicting(weights: Weights): Predicting {
    const rec = new Recorder(this.#device)
    const { logits } = recordForward(rec, weights, this.#model, this.#inputs, this.#embedding)
    return { logits: rec.keep(logits), plan: rec.plan(`ranking model ${this.options.rows}, predicting`) }
  }

  #upload(batch: SideBatch, embeddings: Float32Array | null): void {
    this.#inputs.upload(batch, this.#write)
    if (this.#embedding === null || embeddings === null) return
    const { storage, cols, stride } = this.#embedding
    this.#device.gpuDevice.queue.writeBuffer(storage.buffer!, 0, inRowsOf(embeddings, batch.rows, cols, stride))
  }

  #uploadLabels(batch: SideBatch, labels: Float32Array): void {
    const { queue } = this.#device.gpuDevice
    const { rows, seed, rates } = this.options
    writeRates(this.#weights, ++this.#steps, seed, rates)
    const wide = new Float32Array(rows * 4)
    for (let r = 0; r < batch.rows; r++) wide[r * 4] = labels[r]
    queue.writeBuffer(this.#labels.storage.buffer!, 0, wide)
    queue.writeBuffer(this.#labelWeights.storage.buffer!, 0, new Float32Array(rows * 4).fill(1, 0, batch.rows * 4))
  }

  /** Runs a plan, and holds the logits that it gives. */
  #submit({ program }: Plan, logits: Tensor, rows: number): void {
    const { buffer, sizeBytes } = logits.storage
    const slot = this.#heldRows.length
    program.submit({
      after: (encoder) => encoder.copyBufferToBuffer(buffer!, 0, this.#held, slot * sizeBytes, sizeBytes),
    })
    this.#heldRows.push(rows)
  }

  /** Logits of the rows since the last call, in order; to be called at least every `steps` steps. */
  async logits(): Promise<Float32Array> {
    const { rows } = this.options
    const raw = new Float32Array(await this.#device.read(this.#held, this.#heldRows.length * rows * 4 * 4))
    const total = this.#heldRows.reduce((a, b) => a + b, 0)
    const logits = new Float32Array(total)
    let at = 0
    for (const [slot, count] of this.#heldRows.entries())
      for (let r = 0; r < count; r++) logits[at++] = raw[(slot * rows + r) * 4]
    this.#heldRows = []
    return logits
  }

  dispose(): void {
    this.#plan.dispose()
    this.#predicting.plan.dispose()
    this.#heldBack?.plan.dispose()
    this.#heldBack?.weights.dispose()
    this.#inputs.dispose()
    this.#weights.dispose()
    for (const tensor of [this.#embedding, this.#labels, this.#labelWeights, this.#taskWeights])
      if (tensor) this.#device.release(tensor.storage.buffer!)
    this.#device.release(this.#held)
  }
}

type Declared = ReturnType<typeof declare>

interface Predicting {
  readonly plan: Plan
  readonly logits: Tensor
}

/** All values of the weights, in an order that two of one set share. */
function valuesOf(weights: Weights): Tensor[] {
  const tables = weights.set.tables.flatMap((table) => weights.table(table).parts.map(({ values }) => values))
  return [...weights.runs.map(({ values }) => values), ...tables]
}

function recordForward(rec: Recorder, weights: Weights, model: Declared, inputs: InputBatch, embedding: Tensor | null) {
  const { rows } = inputs
  const x = itemInputsForward(rec, weights, model.inputs, inputs)
  const h1 = rec.tensor('first hidden', rows, hiddenWidths[0])
  const h2 = rec.tensor('second hidden', rows, hiddenWidths[1])
  const logits = rec.tensor('logits', rows, 1)
  const z = rec.tensor('Z', rows, queryWidth + dots)
  const q = columns(z, 0, queryWidth)
  const v = rec.tensor('item vector', rows, queryWidth)
  const dotShape = {
    R: rows,
    G: dots,
    W4: queryWidth / dots / 4,
    zIn: 0,
    zOut: queryWidth,
    zRow: z.stride / 4,
    vRow: v.stride / 4,
  }
  linearForward(rec, weights, model.query, x, q)
  if (model.served) linearForward(rec, weights, model.served, embedding!, q, { accumulate: true })
  linearForward(rec, weights, model.item, x, v)
  rec.dispatch(groupedDotForward, dotShape, { v, z })
  linearForward(rec, weights, model.firstOfZ, z, h1)
  linearForward(rec, weights, model.first, x, h1, { activation: 'relu', accumulate: true })
  linearForward(rec, weights, model.second, h1, h2, { activation: 'relu' })
  linearForward(rec, weights, model.wideOfZ, z, logits)
  linearForward(rec, weights, model.wide, x, logits, { accumulate: true })
  linearForward(rec, weights, model.last, h2, logits, { accumulate: true })
  return { x, h1, h2, z, v, dotShape, logits }
}

/** The first rows of [R, cols] as a tensor holds them, whose rows are `stride` apart. */
function inRowsOf(values: Float32Array, rows: number, cols: number, stride: number): Float32Array<ArrayBuffer> {
  if (cols === stride) return values.subarray(0, rows * cols) as Float32Array<ArrayBuffer>
  const wide = new Float32Array(rows * stride)
  for (let row = 0; row < rows; row++) wide.set(values.subarray(row * cols, (row + 1) * cols), row * stride)
  return wide
}
