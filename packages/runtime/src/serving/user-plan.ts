/** One batch size of a user tower, recorded once and replayed. Shape letters: R rows, J = K·D numbers of a user's embeddings. */

import type { SideBatch } from '@headwater/features'
import { type GpuDevice, uniformBytesOf } from '@headwater/gpu'
import { packHalf } from '@headwater/kernels'
import { InputBatch } from '../inputs/input-batch.ts'
import type { AlignmentLayer } from '../loading/alignment-layer.ts'
import { withWeights } from '../parameters/model-recorder.ts'
import type { Weights } from '../parameters/weights.ts'
import { type Plan, type PlanCost, Recorder } from '../plan/recorder.ts'
import type { Tensor } from '../plan/tensor.ts'
import type { Write } from '../plan/upload-ring.ts'
import type { UserTower } from '../tower/user-tower.ts'

/** What a served vector's numbers are: f32, or the bits of fp16. */
export type VectorFormat = 'float' | 'half'

export const bytesPerNumber: { readonly [Format in VectorFormat]: number } = { float: 4, half: 2 }

export interface UserPlanParts {
  readonly tower: UserTower
  readonly weights: Weights
  /** To published coordinates; without, vectors are in the tower's own, or the tower's weights hold it. */
  readonly alignment?: AlignmentLayer | null
}

interface Recording {
  readonly inputs: InputBatch
  readonly run: Recorder
  readonly embeddings: Tensor
  readonly packing: Recorder
  readonly halves: Tensor
}

/** @param device null: to be measured only */
function record(device: GpuDevice | null, { tower, weights, alignment }: UserPlanParts, rows: number): Recording {
  const J = tower.dim
  const inputs = new InputBatch(device, tower.needs, rows, false)
  const run = new Recorder(device)
  const embeddings = run.keep(run.tensor('user embeddings', rows, J))
  const own = alignment ? run.tensor('embeddings before alignment', rows, J) : embeddings
  tower.forward(withWeights(run, weights), inputs, own, false)
  alignment?.forward(run, own, embeddings)
  // Apart from the run, so that floats are had without packing them.
  const packing = new Recorder(device)
  const halves = packing.keep(packing.tensor('halves of user embeddings', 1, (rows * J) / 2))
  packing.dispatch(packHalf, { count: rows * J, xOffset: 0, yOffset: 0 }, { x: embeddings, y: halves })
  return { inputs, run, embeddings, packing, halves }
}

/** What a plan of R rows takes. */
export interface UserPlanCost {
  /** Of a run that gives floats. */
  readonly run: PlanCost & { readonly inputBytes: number }
  /** Bytes on a device besides weights. */
  readonly sizeBytes: number
  /** Of the largest input or activation. */
  readonly largestBytes: number
}

/** @param maxBufferBytes largest buffer of the device */
export function measureUserPlan(
  parts: UserPlanParts,
  rows: number,
  maxBufferBytes = Number.POSITIVE_INFINITY,
): UserPlanCost {
  const { inputs, run, packing } = record(null, parts, rows)
  const [cost, packed] = [run, packing].map((recorder) => recorder.measure(maxBufferBytes))
  const uniformBytes = uniformBytesOf(cost.dispatches) + uniformBytesOf(packed.dispatches)
  return {
    run: { ...cost, inputBytes: inputs.sizeBytes },
    sizeBytes: inputs.sizeBytes + cost.plannedBytes + packed.plannedBytes + uniformBytes,
    largestBytes: Math.max(inputs.largestBytes, cost.largestBytes, packed.largestBytes),
  }
}

export class UserPlan {
  readonly #inputs: InputBatch
  readonly #embeddings: Tensor
  readonly #run: Plan
  readonly #halves: Tensor
  readonly #packing: Plan

  constructor(device: GpuDevice, parts: UserPlanParts, rows: number) {
    const { inputs, run, embeddings, packing, halves } = record(device, parts, rows)
    this.#inputs = inputs
    this.#embeddings = embeddings
    this.#halves = halves
    this.#run = run.plan(`encode ${rows}`)
    this.#packing = packing.plan(`pack ${rows}`)
  }

  /** Has the driver compile everything. */
  async warm(): Promise<void> {
    await this.#run.program.warm()
    await this.#packing.program.warm()
  }

  /**
   * Uploads a batch of at most R rows and submits its run. What is uploaded for the next run meanwhile, the device takes
   * over once it is done with this one.
   * @param firstRow number that the batch's first row has in messages
   * @param write in the order of what is submitted
   * @param copy called with the vectors' buffer, to encode what takes them away
   */
  submit(
    batch: SideBatch,
    firstRow: number,
    format: VectorFormat,
    write: Write,
    copy: (encoder: GPUCommandEncoder, vectors: GPUBuffer) => void,
  ): void {
    this.#inputs.upload(batch, write, firstRow)
    if (format === 'float') {
      this.#run.program.submit({ after: (encoder) => copy(encoder, this.#embeddings.storage.buffer!) })
    } else {
      this.#run.program.submit()
      this.#packing.program.submit({ after: (encoder) => copy(encoder, this.#halves.storage.buffer!) })
    }
  }

  dispose(): void {
    this.#inputs.dispose()
    this.#run.dispose()
    this.#packing.dispose()
  }
}
