/**
 * A downstream ranking model on the GPU, a small DLRM: hashed ids and dense features, with or without a served vector.
 *   X = [dense | flags | mean of each bag's embeddings];  q = X W_q + b_q + e W_e, where e is the served vector, if there is one
 *   Z = [q | G grouped dots of q and X W_v + b_v];  H₁ = ReLU(X W + Z W' + b);  H₂ = ReLU(H₁ W₂ + b₂)
 *   logit = H₂ w + X w' + Z w'' + b₃, one a task: its own first, then the others, which teach it beside
 * Where coefficients in e meet item vectors (item-meeting.ts), that is added to H₁ and to the logits.
 * Shape letters: R rows, D width of the served vector, T other tasks.
 */
import type { SideBatch, SideLayout } from '@headwater/features'
import { type GpuDevice, Pacer } from '@headwater/gpu'
import { bceMultiTask, groupedDotBackward, groupedDotForward, padded } from '@headwater/kernels'
import {
  columns,
  declareItemInputs,
  declareLinear,
  InputBatch,
  linearBackward,
  linearForward,
  type ModelRecorder,
  ParameterSet,
  type Plan,
  persistent,
  queueWrite,
  Recorder,
  reluDropoutBackward,
  type Tensor,
  Weights,
  type Write,
  withWeights,
} from '@headwater/runtime'
import { initialize, type Rates, recordAdamw, writeRates } from '@headwater/training'
import { declareItemMeeting, type MetItems } from './item-meeting.ts'
import { defaultRanking, type RankingSettings } from './ranking-settings.ts'
import {
  type DownstreamModel,
  type DownstreamOptions,
  type DownstreamRows,
  type Meeting,
  predictionsHeld,
} from './rows.ts'

export interface RankingModelOptions extends DownstreamOptions {
  /** R, rows of a step at most. */
  readonly rows: number
}

/** Width of q, and its dots with the item's vector: pairwise interactions that a plain MLP is slow to find. */
const queryWidth = 32
const dots = 8

const noDense = new Float32Array()

/** Submits that are waited for at once: each wait costs as much as a small step. */
const submitsAhead = 8

type Declared = ReturnType<typeof declare>

/** The bag of the items' keys. */
const itemBag = ({ bags }: SideLayout) => bags.find(({ name }) => name === 'item')!

function declare(
  layout: SideLayout,
  dim: number,
  tasks: number,
  { idWidth, hidden }: RankingSettings,
  meeting?: Meeting,
) {
  const set = new ParameterSet()
  const inputs = declareItemInputs(set, 'x', layout, idWidth)
  const plain = { bias: false }
  return {
    set,
    inputs,
    first: declareLinear(set, 'first', inputs.columns, hidden[0]),
    second: declareLinear(set, 'second', hidden[0], hidden[1]),
    last: declareLinear(set, 'last', hidden[1], tasks),
    wide: declareLinear(set, 'wide', inputs.columns, tasks, plain),
    query: declareLinear(set, 'query', inputs.columns, queryWidth),
    item: declareLinear(set, 'item', inputs.columns, queryWidth),
    // From zero: a model that has long been trained without must not be shaken when the first vectors arrive.
    served: dim > 0 ? declareLinear(set, 'served', dim, queryWidth, { bias: false, bound: 0 }) : null,
    firstOfZ: declareLinear(set, 'first-of-z', queryWidth + dots, hidden[0], plain),
    wideOfZ: declareLinear(set, 'wide-of-z', queryWidth + dots, tasks, plain),
    sites: [set.site(), set.site()],
    meeting:
      meeting &&
      declareItemMeeting(set, meeting.layout, meeting.vectors === 'own' ? itemBag(layout) : null, hidden[0], tasks),
  }
}

/** What a recording reads and writes beside the tensors of its layer. */
interface Recording {
  readonly rec: ModelRecorder
  readonly model: Declared
  readonly settings: RankingSettings
  readonly met: MetItems | null
}

/** Z [R, 40] of X and the served vector [R, D]. */
function interactionForward({ rec, model }: Recording, x: Tensor, vector: Tensor | null) {
  const z = rec.tensor('Z', x.rows, queryWidth + dots)
  const q = columns(z, 0, queryWidth)
  const v = rec.tensor('item vector', x.rows, queryWidth)
  linearForward(rec, model.query, x, q)
  if (model.served) linearForward(rec, model.served, vector!, q, { accumulate: true })
  linearForward(rec, model.item, x, v)
  const shape = {
    R: x.rows,
    G: dots,
    W4: queryWidth / dots / 4,
    zIn: 0,
    zOut: queryWidth,
    zRow: z.stride / 4,
    vRow: v.stride / 4,
  }
  rec.dispatch(groupedDotForward, shape, { v, z })
  return { z, v, shape }
}

/** Adds to the gradient of X. */
function interactionBackward(
  { rec, model }: Recording,
  x: Tensor,
  vector: Tensor | null,
  { z, v, shape }: ReturnType<typeof interactionForward>,
  dz: Tensor,
  dx: Tensor,
): void {
  const dv = rec.tensor('gradient of item vector', x.rows, queryWidth)
  rec.dispatch(groupedDotBackward, shape, { v, z, dz, dv })
  const dq = columns(dz, 0, queryWidth)
  linearBackward(rec, model.item, x, dv, { into: dx, accumulate: true })
  linearBackward(rec, model.query, x, dq, { into: dx, accumulate: true })
  if (model.served) linearBackward(rec, model.served, vector!, dq)
}

/** Logits [R, 1 + T] of X and Z. */
function headForward({ rec, model, met }: Recording, x: Tensor, z: Tensor, dropout: number) {
  const h1 = rec.tensor('first hidden', x.rows, model.first.weight.cols)
  const h2 = rec.tensor('second hidden', x.rows, model.second.weight.cols)
  const logits = rec.tensor('logits', x.rows, model.last.weight.cols)
  const [site1, site2] = model.sites
  const meeting = met && model.meeting!.forward(rec, met, h1)
  linearForward(rec, model.firstOfZ, z, h1, { accumulate: met !== null })
  linearForward(rec, model.first, x, h1, { activation: 'relu', accumulate: true, dropout, site: site1 })
  linearForward(rec, model.second, h1, h2, { activation: 'relu', dropout, site: site2 })
  linearForward(rec, model.wideOfZ, z, logits)
  linearForward(rec, model.wide, x, logits, { accumulate: true })
  linearForward(rec, model.last, h2, logits, { accumulate: true })
  meeting?.addTo(logits)
  return { h1, h2, logits, meeting }
}

/** Gradients of X and Z, new ones. */
function headBackward(
  { rec, model, settings: { dropout, penalty } }: Recording,
  x: Tensor,
  z: Tensor,
  { h1, h2, meeting }: ReturnType<typeof headForward>,
  dLogits: Tensor,
) {
  const dh2 = rec.tensor('gradient of second hidden', x.rows, h2.cols)
  const dSum2 = rec.tensor('gradient before second ReLU', x.rows, h2.cols)
  const dh1 = rec.tensor('gradient of first hidden', x.rows, h1.cols)
  const dSum1 = rec.tensor('gradient before first ReLU', x.rows, h1.cols)
  const dx = rec.tensor('gradient of X', x.rows, x.cols)
  const dz = rec.tensor('gradient of Z', x.rows, z.cols)
  linearBackward(rec, model.last, h2, dLogits, { into: dh2, accumulate: false })
  reluDropoutBackward(rec, h2, dh2, dSum2, dropout)
  linearBackward(rec, model.second, h1, dSum2, { into: dh1, accumulate: false })
  reluDropoutBackward(rec, h1, dh1, dSum1, dropout)
  linearBackward(rec, model.first, x, dSum1, { into: dx, accumulate: false })
  linearBackward(rec, model.wide, x, dLogits, { into: dx, accumulate: true })
  linearBackward(rec, model.firstOfZ, z, dSum1, { into: dz, accumulate: false })
  linearBackward(rec, model.wideOfZ, z, dLogits, { into: dz, accumulate: true })
  meeting?.backward(dSum1, dLogits, penalty / x.rows)
  return { dx, dz }
}

function forward(recording: Recording, inputs: InputBatch, vector: Tensor | null, dropout = 0) {
  const { x, backward } = recording.model.inputs.forward(recording.rec, inputs)
  const interaction = interactionForward(recording, x, vector)
  return { x, inputsBackward: backward, interaction, head: headForward(recording, x, interaction.z, dropout) }
}

/** Of the mean loss over the rows. */
function backward(
  recording: Recording,
  vector: Tensor | null,
  { x, inputsBackward, interaction, head }: ReturnType<typeof forward>,
  dLogits: Tensor,
): void {
  const { dx, dz } = headBackward(recording, x, interaction.z, head, dLogits)
  interactionBackward(recording, x, vector, interaction, dz, dx)
  // The loss is a mean over rows, and so is its penalty.
  inputsBackward(dx, recording.settings.penalty / x.rows)
}

interface Predicting {
  readonly plan: Plan
  readonly logits: Tensor
}

/**
 * Predicts a batch and then trains on it, in one recorded step: the logits come from the weights before the update. Where labels
 * come later, or training drops units out, the two are apart.
 */
export class RankingModel implements DownstreamModel {
  readonly #device: GpuDevice
  readonly #layout: SideLayout
  readonly #itemBag: number
  readonly #options: RankingModelOptions
  readonly #settings: RankingSettings
  readonly #rates: Rates
  /** 1 + T */
  readonly #tasks: number
  readonly #model: Declared
  readonly #weights: Weights
  readonly #inputs: InputBatch
  readonly #write: Write
  readonly #vector: Tensor | null
  readonly #met: MetItems | null
  readonly #labels: Tensor
  readonly #labelWeights: Tensor
  readonly #taskWeights: Tensor
  readonly #training: Predicting
  readonly #predicting: Predicting
  /** Of the weights of the last `hold`. */
  #held: (Predicting & { readonly weights: Weights }) | null = null
  /** Logits of steps until they are read. */
  readonly #buffer: GPUBuffer
  #bufferedRows: number[] = []
  readonly #dense: Float32Array
  readonly #userLengths: Uint32Array
  readonly #pacer: Pacer
  #submits = 0
  #trained = 0

  constructor(device: GpuDevice, layout: SideLayout, options: RankingModelOptions) {
    const {
      rows,
      dim,
      flags,
      userBuckets,
      seed,
      others = 0,
      rateFactor = 1,
      ranking = defaultRanking,
      meeting,
    } = options
    const { dense, tables, weightDecay } = ranking.rates
    this.#settings = ranking
    this.#tasks = 1 + others
    this.#device = device
    this.#layout = layout
    this.#itemBag = layout.bags.findIndex(({ name }) => name === 'item')
    this.#options = options
    this.#rates = { dense: rateFactor * dense, tables: rateFactor * tables, weightDecay }
    this.#model = declare(
      {
        dense: [...layout.dense, ...flags],
        bags: [{ name: 'user', buckets: userBuckets, maxValues: 1 }, ...layout.bags],
        sequence: null,
      },
      dim,
      this.#tasks,
      ranking,
      meeting,
    )
    this.#weights = new Weights(device, this.#model.set, true)
    initialize(this.#weights, seed)
    this.#beginSquares()
    this.#inputs = new InputBatch(device, this.#model.inputs.needs, rows, true)
    this.#write = queueWrite(device)
    const own = (label: string, r: number, c: number) =>
      persistent(device.buffer(label, r * padded(c) * 4, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST), r, c)
    this.#vector = dim > 0 ? own('served vector', rows, dim) : null
    const needs = this.#model.meeting?.needs
    this.#met = meeting
      ? {
          vector: this.#vector!,
          items: needs ? new InputBatch(device, needs, rows, true) : own('item vectors', rows, meeting.layout.width),
          unused: own('gradient of served vectors', rows, dim),
        }
      : null
    this.#labels = own('labels', rows, this.#tasks)
    this.#labelWeights = own('label weights', rows, this.#tasks)
    this.#taskWeights = own('task weights', 1, this.#tasks)
    const taskWeights = new Float32Array(this.#tasks).fill(ranking.otherTasks).fill(1, 0, 1)
    device.gpuDevice.queue.writeBuffer(this.#taskWeights.storage.buffer!, 0, taskWeights)
    this.#predicting = this.#recordPredicting(this.#weights)
    this.#training = this.#recordTraining()
    this.#buffer = device.buffer(
      'logits of steps',
      predictionsHeld * this.#training.logits.storage.sizeBytes,
      GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
    )
    this.#dense = new Float32Array(rows * (layout.dense.length + flags.length))
    this.#userLengths = new Uint32Array(rows).fill(1)
    this.#pacer = new Pacer(device)
  }

  #beginSquares(): void {
    const { firstSquare } = this.#settings
    for (const table of this.#model.set.tables) {
      const [{ squares }] = this.#weights.table(table).parts
      const { buffer, offsetBytes } = squares!.storage
      this.#device.gpuDevice.queue.writeBuffer(buffer!, offsetBytes, new Float32Array(table.rows).fill(firstSquare))
    }
  }

  #recordPredicting(weights: Weights): Predicting {
    const rec = new Recorder(this.#device)
    const recording = { rec: withWeights(rec, weights), model: this.#model, settings: this.#settings, met: this.#met }
    const { head } = forward(recording, this.#inputs, this.#vector)
    return { logits: rec.keep(head.logits), plan: rec.plan(`ranking model ${this.#options.rows}, predicting`) }
  }

  #recordTraining(): Predicting {
    const { rows } = this.#options
    const rec = new Recorder(this.#device)
    const recording = {
      ...{ rec: withWeights(rec, this.#weights), model: this.#model },
      ...{ settings: this.#settings, met: this.#met },
    }
    const pass = forward(recording, this.#inputs, this.#vector, this.#settings.dropout)
    const logits = rec.keep(pass.head.logits)
    const dlogits = rec.tensor('gradient of logits', rows, this.#tasks)
    rec.dispatch(
      bceMultiTask,
      { R: rows, T: this.#tasks, scale: 1 / rows },
      {
        logits,
        labels: this.#labels,
        labelWeights: this.#labelWeights,
        taskWeights: this.#taskWeights,
        loss: rec.tensor('loss', rows, this.#tasks),
        dlogits,
      },
    )
    backward(recording, this.#vector, pass, dlogits)
    recordAdamw(rec, this.#weights)
    return { logits, plan: rec.plan(`ranking model ${rows}`) }
  }

  async step(rows: DownstreamRows): Promise<void> {
    if (this.#settings.dropout > 0) {
      await this.predict(rows)
      await this.train(rows)
      return
    }
    await this.#upload(rows)
    this.#uploadLabels(rows)
    this.#submit(this.#training, rows.rows)
  }

  async predict(rows: DownstreamRows): Promise<void> {
    await this.#upload(rows)
    this.#submit(this.#predicting, rows.rows)
  }

  async predictHeld(rows: DownstreamRows): Promise<void> {
    await this.#upload(rows)
    this.#submit(this.#held!, rows.rows)
  }

  async train(rows: DownstreamRows): Promise<void> {
    await this.#upload(rows)
    this.#uploadLabels(rows)
    this.#training.plan.program.submit()
    this.#pacer.submitted()
  }

  hold(): void {
    if (this.#held === null) {
      const weights = new Weights(this.#device, this.#model.set, false)
      this.#held = { weights, ...this.#recordPredicting(weights) }
    }
    const { gpuDevice } = this.#device
    const encoder = gpuDevice.createCommandEncoder()
    const [from, to] = [this.#weights, this.#held.weights].map((own) => valuesOf(own))
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

  /** Waits now and then for what was submitted before, so that no queue grows. */
  async #upload({ rows, users, item, flags, vectors, itemVectors }: DownstreamRows): Promise<void> {
    if (++this.#submits % submitsAhead === 0) await this.#pacer.done()
    const plain = this.#layout.dense.length
    const told = this.#options.flags.length
    for (let row = 0; row < rows; row++) {
      this.#dense.set(item.dense.subarray(row * plain, (row + 1) * plain), row * (plain + told))
      this.#dense.set(flags.subarray(row * told, (row + 1) * told), row * (plain + told) + plain)
    }
    const bags = [{ ids: users, lengths: this.#userLengths }, ...item.bags]
    const batch: SideBatch = { rows, dense: this.#dense, bags, sequence: null }
    this.#inputs.upload(batch, this.#write)
    if (this.#vector === null) return
    const { queue } = this.#device.gpuDevice
    const give = ({ storage, cols, stride }: Tensor, values: Float32Array) =>
      queue.writeBuffer(storage.buffer!, 0, inRowsOf(values, rows, cols, stride))
    give(this.#vector, vectors)
    if (this.#met === null) return
    const { items } = this.#met
    if ('storage' in items) give(items, itemVectors)
    else items.upload({ rows, dense: noDense, bags: [item.bags[this.#itemBag]], sequence: null }, this.#write)
  }

  /** A row's own label, known where it is trained on, and behind it those of the other tasks. */
  #uploadLabels({ rows, labels, others }: DownstreamRows): void {
    const { queue } = this.#device.gpuDevice
    const { seed } = this.#options
    const { stride } = this.#labels
    writeRates(this.#weights, ++this.#trained, seed, this.#rates)
    const T = this.#tasks - 1
    const [values, weights] = [
      new Float32Array(this.#labels.rows * stride),
      new Float32Array(this.#labels.rows * stride),
    ]
    for (let row = 0; row < rows; row++) {
      values[row * stride] = labels[row]
      weights[row * stride] = 1
      values.set(others.labels.subarray(row * T, (row + 1) * T), row * stride + 1)
      weights.set(others.weights.subarray(row * T, (row + 1) * T), row * stride + 1)
    }
    queue.writeBuffer(this.#labels.storage.buffer!, 0, values)
    queue.writeBuffer(this.#labelWeights.storage.buffer!, 0, weights)
  }

  /** Runs a plan, and keeps the logits that it gives. */
  #submit({ plan, logits }: Predicting, rows: number): void {
    const { buffer, sizeBytes } = logits.storage
    const slot = this.#bufferedRows.length
    plan.program.submit({
      after: (encoder) => encoder.copyBufferToBuffer(buffer!, 0, this.#buffer, slot * sizeBytes, sizeBytes),
    })
    this.#pacer.submitted()
    this.#bufferedRows.push(rows)
  }

  async logits(): Promise<Float32Array> {
    const { rows } = this.#options
    const { stride } = this.#training.logits
    const raw = new Float32Array(await this.#device.read(this.#buffer, this.#bufferedRows.length * rows * stride * 4))
    const logits = this.#bufferedRows.flatMap((count, slot) =>
      Array.from({ length: count }, (_, row) => raw[(slot * rows + row) * stride]),
    )
    this.#bufferedRows = []
    return Float32Array.from(logits)
  }

  dispose(): void {
    this.#training.plan.dispose()
    this.#predicting.plan.dispose()
    this.#held?.plan.dispose()
    this.#held?.weights.dispose()
    this.#inputs.dispose()
    this.#weights.dispose()
    const items = this.#met?.items
    if (items && !('storage' in items)) items.dispose()
    const given = items && 'storage' in items ? items : null
    for (const tensor of [
      ...[this.#vector, given, this.#met?.unused, this.#labels],
      ...[this.#labelWeights, this.#taskWeights],
    ])
      if (tensor) this.#device.release(tensor.storage.buffer!)
    this.#device.release(this.#buffer)
  }
}

/** All values of the weights, in an order that two of one set share. */
function valuesOf(weights: Weights): Tensor[] {
  const tables = weights.set.tables.flatMap((table) => weights.table(table).parts.map(({ values }) => values))
  return [...weights.runs.map(({ values }) => values), ...tables]
}

/** The first rows of [R, cols] as a tensor holds them, whose rows are `stride` apart. */
function inRowsOf(values: Float32Array, rows: number, cols: number, stride: number): Float32Array<ArrayBuffer> {
  if (cols === stride) return values.subarray(0, rows * cols) as Float32Array<ArrayBuffer>
  const wide = new Float32Array(rows * stride)
  for (let row = 0; row < rows; row++) wide.set(values.subarray(row * cols, (row + 1) * cols), row * stride)
  return wide
}
