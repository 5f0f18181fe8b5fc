/**
 * A snapshot's user tower as a teacher: its weights are frozen, and it runs forward inside the step of the tower that it
 * teaches. Its vectors are those of the tower's own coordinates, not the published ones: what is trained began as these
 * very weights, so both towers' own coordinates are the same, and the rotation of a snapshot's published vectors plays no
 * part. The loss is λ · mean (x − t)², over the R·K·D numbers of a batch's embeddings x and the teacher's t; a batch of
 * fewer rows is divided by R all the same, as the loss of the labels is. Shape letters: R rows, K embeddings of D.
 */
import { compileFeatures, type SideLayout } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { type BindingLimits, embeddingDistillation } from '@headwater/kernels'
import {
  declareUserTower,
  InputBatch,
  type ModelConfig,
  ParameterSet,
  type Recorder,
  snapshotConfig,
  type Tensor,
  type Tower,
  type UserTower,
  Weights,
  type Write,
  withWeights,
  writeWeights,
} from '@headwater/runtime'
import type { Snapshot } from '@headwater/snapshot'
import { projectBatch } from '../examples/project-batch.ts'
import type { TrainingBatch } from '../examples/training-batch.ts'
import type { StepTeacher } from '../step/record-step.ts'
import { DistillationError } from './distillation-error.ts'

/** What the teacher is used for. */
interface Lessons {
  /** The features that rows have. */
  readonly layout: SideLayout
  /** R, rows of a step. */
  readonly rows: number
  /** λ */
  readonly weight: number
}

/** @throws DistillationError where vectors are of other sizes than those of `student` */
export function checkTeacher(snapshot: Snapshot, student: Tower): void {
  const { count, width } = snapshotConfig(snapshot).embeddings
  const own = student.config.embeddings
  if (count !== own.count || width !== own.width)
    throw new DistillationError(
      `Distillation from ${snapshot.directory}: it has ${count} embeddings of ${width} numbers a user, the tower that is trained ${own.count} of ${own.width}. Start a new model, or use procrustes or none.`,
    )
}

export class Teacher implements StepTeacher {
  /** λ */
  readonly #weight: number
  readonly #tower: UserTower
  readonly #weights: Weights
  readonly #inputs: InputBatch
  readonly #from: SideLayout
  readonly #to: SideLayout

  /**
   * A tower of the features `layout`, without values.
   * @param device null: laid out only, to be recorded with and counted
   * @throws ParameterSizeError, TableSizeError; GpuLimitError, OutOfMemoryError
   */
  constructor(
    device: GpuDevice | null,
    layout: SideLayout,
    config: ModelConfig,
    { layout: from, rows, weight }: Lessons,
    limits: BindingLimits,
  ) {
    this.#weight = weight
    this.#from = from
    this.#to = layout
    const set = new ParameterSet()
    this.#tower = declareUserTower(set, layout, config)
    this.#weights = new Weights(device, set, false, limits)
    this.#inputs = new InputBatch(device, this.#tower.needs, rows, false)
  }

  /** @throws SnapshotError where a tensor is not what it should be; GpuLimitError, OutOfMemoryError */
  static load(device: GpuDevice, snapshot: Snapshot, lessons: Lessons): Teacher {
    const config = snapshotConfig(snapshot)
    const { user } = compileFeatures(snapshot.schema)
    return device.allOrNothing(() => {
      const teacher = new Teacher(device, user, config, lessons, device.limits)
      writeWeights(teacher.#weights, snapshot)
      return teacher
    })
  }

  /** Bytes of its weights on the device. */
  get weightsBytes(): number {
    return this.#weights.sizeBytes
  }

  get uploadBytes(): number {
    return this.#inputs.sizeBytes
  }

  get largestInputBytes(): number {
    return this.#inputs.largestBytes
  }

  /** Gives it the rows of a step; features that it does not know are left out. */
  upload({ user, rows }: TrainingBatch, write: Write): void {
    this.#inputs.upload(projectBatch(this.#from, this.#to, { ...user, rows }), write)
  }

  record(rec: Recorder, embeddings: Tensor, rowWeights: Tensor, gradient: Tensor): void {
    const { config, dim } = this.#tower
    const { count: K, width: D } = config.embeddings
    const R = this.#inputs.rows
    const teacher = rec.tensor("teacher's embeddings", R, dim)
    this.#tower.forward(withWeights(rec, this.#weights), this.#inputs, teacher, false)
    const loss = rec.tensor('distillation loss', 1, R * K)
    rec.dispatch(
      embeddingDistillation,
      {
        V: R * K,
        K,
        D4: D / 4,
        xOffset: embeddings.offset / 4,
        xRow: embeddings.stride / 4,
        tOffset: teacher.offset / 4,
        tRow: teacher.stride / 4,
        normalized: 0,
        scale: this.#weight / (R * K),
        accumulate: 1,
      },
      { x: embeddings, teacher, rowWeights, loss, dx: gradient },
    )
  }

  dispose(): void {
    this.#inputs.dispose()
    this.#weights.dispose()
  }
}
