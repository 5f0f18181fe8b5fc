import type { SideBatch } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { bceMultiTask, padded, rateSlots } from '@headwater/kernels'
import { InputBatch } from '../inputs/input-batch.ts'
import { withWeights } from '../parameters/model-recorder.ts'
import { Weights } from '../parameters/weights.ts'
import { type Plan, Recorder } from '../plan/recorder.ts'
import { persistent, type Tensor } from '../plan/tensor.ts'
import { queueWrite, type Write } from '../plan/upload-ring.ts'
import { declareTower } from '../tower/tower.ts'
import type { TinyTower } from './tiny-towers.ts'

/** Rate of the tables in the step; row-wise Adagrad starts at zero, so a table's gradient follows from its change. */
const tableRate = 1

/** Forward and backward of both towers for R rows, without the dense optimizer: gradients stay to be read. */
export class GradientStep {
  readonly weights: Weights
  readonly plan: Plan
  readonly #device: GpuDevice
  readonly #tower: TinyTower
  readonly #write: Write
  readonly #rows: number
  readonly #user: InputBatch
  readonly #item: InputBatch
  readonly #labels: Tensor
  readonly #labelWeights: Tensor
  readonly #rowWeights: Tensor
  readonly #logits: Tensor
  readonly #loss: Tensor

  constructor(device: GpuDevice, tower: TinyTower, rows: number, taskWeights: readonly number[]) {
    this.#device = device
    this.#write = queueWrite(device)
    this.#tower = tower
    this.#rows = rows
    const { set, user, mix } = declareTower(tower.user, tower.item, tower.tasks, tower.config)
    this.weights = new Weights(device, set, true)
    this.#user = new InputBatch(device, user.needs, rows, true)
    this.#item = new InputBatch(device, mix.needs, rows, true)
    const own = (label: string, r: number, c: number) =>
      persistent(device.buffer(label, r * padded(c) * 4, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST), r, c)
    this.#labels = own('labels', rows, tower.tasks)
    this.#labelWeights = own('label weights', rows, tower.tasks)
    this.#rowWeights = own('row weights', 1, rows)
    const tasks = own('task weights', 1, tower.tasks)
    this.#write(tasks, Float32Array.from(taskWeights))
    const rates = new Float32Array(8)
    rates[rateSlots.tables] = tableRate
    rates[rateSlots.gradientScale] = 1
    this.#write(this.weights.rates, rates)

    const rec = new Recorder(device)
    const model = withWeights(rec, this.weights)
    const z = rec.tensor('Z', rows, mix.interactionColumns)
    const userBackward = user.forward(model, this.#user, z, true)
    const recorded = mix.forward(model, this.#item, z, true)
    this.#logits = rec.keep(recorded.logits)
    this.#loss = rec.keep(rec.tensor('loss', rows, tower.tasks))
    const dlogits = rec.tensor('gradient of logits', rows, tower.tasks)
    rec.dispatch(
      bceMultiTask,
      { R: rows, T: tower.tasks, scale: 1 / rows },
      {
        logits: recorded.logits,
        labels: this.#labels,
        labelWeights: this.#labelWeights,
        taskWeights: tasks,
        loss: this.#loss,
        dlogits,
      },
    )
    userBackward(recorded.backward(dlogits), this.#rowWeights)
    this.plan = rec.plan('gradient step')
  }

  async #rowsOf({ storage, stride, cols }: Tensor, rows: number): Promise<number[]> {
    const data = new Float32Array(await this.#device.read(storage.buffer!, rows * stride * 4))
    return Array.from({ length: rows * cols }, (_, i) => data[Math.floor(i / cols) * stride + (i % cols)])
  }

  /** Forgets what the tables' Adagrad accumulated, which a table's gradient is worked out from. */
  clearSquares(): void {
    for (const table of this.weights.set.tables) {
      const { storage } = this.weights.table(table).parts[0].squares!
      this.#device.gpuDevice.queue.writeBuffer(storage.buffer!, 0, new Float32Array(storage.sizeBytes / 4))
    }
  }

  /** Runs a batch of at most R rows. @returns logits and losses [rows, T], and every gradient, [rows, cols] without padding. */
  async run(batch: { user: SideBatch; item: SideBatch; labels: readonly number[] }) {
    const { weights } = this
    const { rows } = batch.user
    const { tasks } = this.#tower
    const before = new Map<string, Float32Array>()
    for (const { name } of weights.set.tables) before.set(name, await weights.read(name))

    this.#user.upload(batch.user, this.#write)
    this.#item.upload(batch.item, this.#write)
    const labels = new Float32Array(rows * padded(tasks))
    for (const [i, label] of batch.labels.entries()) labels[Math.floor(i / tasks) * padded(tasks) + (i % tasks)] = label
    this.#write(this.#labels, labels)
    this.#write(this.#labelWeights, new Float32Array(this.#rows * padded(tasks)).fill(1, 0, rows * padded(tasks)))
    this.#write(this.#rowWeights, new Float32Array(this.#rows).fill(1, 0, rows))
    this.plan.program.submit()

    const gradients = new Map<string, Float64Array>()
    for (const parameter of weights.set.parameters) {
      const { storage, rows: R, cols, stride } = weights.gradientOf(parameter)
      const bytes = await this.#device.read(storage.buffer!, storage.sizeBytes, storage.offsetBytes)
      const padded = new Float32Array(bytes)
      gradients.set(
        parameter.name,
        Float64Array.from({ length: R * cols }, (_, i) => padded[Math.floor(i / cols) * stride + (i % cols)]),
      )
    }
    for (const table of weights.set.tables) {
      const squares = new Float32Array(await this.#device.read(weights.table(table).parts[0].squares!.storage.buffer!))
      const after = await weights.read(table.name)
      const start = before.get(table.name)!
      gradients.set(
        table.name,
        Float64Array.from(after, (value, i) => {
          const root = Math.sqrt(squares[Math.floor(i / table.width)])
          return ((start[i] - value) / tableRate) * (root + 1e-8)
        }),
      )
    }
    return {
      logits: await this.#rowsOf(this.#logits, rows),
      losses: await this.#rowsOf(this.#loss, rows),
      gradients,
    }
  }
}
