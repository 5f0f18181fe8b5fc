/** The training step, and the snapshot that teaches it. */
import type { FeatureSpace } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import type { Tower, Weights } from '@headwater/runtime'
import { readSnapshot, type Snapshot, servedSnapshot, snapshotDirectory } from '@headwater/snapshot'
import { distils } from '../options/publication-options.ts'
import type { TrainingOptions } from '../options/training-options.ts'
import { type OnSteps, TrainStep } from '../step/train-step.ts'
import { DistillationError } from './distillation-error.ts'
import { checkTeacher, Teacher } from './teacher.ts'

export class TaughtStep {
  readonly #device: GpuDevice
  readonly #tower: Tower
  readonly #weights: Weights
  readonly #space: FeatureSpace
  readonly #options: TrainingOptions
  #step: TrainStep
  #teacher: { readonly tower: Teacher; readonly number: number } | null = null
  #onSteps: OnSteps | null = null
  /** Of the model whose served snapshot teaches; null: nothing does. */
  modelDirectory: string | null = null

  constructor(device: GpuDevice, tower: Tower, weights: Weights, space: FeatureSpace, options: TrainingOptions) {
    this.#device = device
    this.#tower = tower
    this.#weights = weights
    this.#space = space
    this.#options = options
    this.#step = this.#record()
  }

  /** Another one after each change of teacher. */
  get step(): TrainStep {
    return this.#step
  }

  set onSteps(onSteps: OnSteps) {
    this.#onSteps = onSteps
    this.#step.onSteps = onSteps
  }

  /** Number of the snapshot that teaches, null where none does. */
  get teacher(): number | null {
    return this.#teacher?.number ?? null
  }

  /** Number of the snapshot that teaches a round which begins now; null: none does. */
  async nextTeacher(): Promise<number | null> {
    const { alignment } = this.#options.publication
    return distils(alignment) && this.modelDirectory ? servedSnapshot(this.modelDirectory) : null
  }

  /**
   * Makes a snapshot of the model the teacher. Between rounds only: figures of steps that were not read yet are lost. The
   * teacher before is freed first, so that there is never memory taken for two.
   * @throws SnapshotError and others as `readSnapshot`, DistillationError where it cannot teach, OutOfMemoryError where there
   * is no room for it; the step goes on then as before, or without a teacher
   */
  async take(number: number | null): Promise<void> {
    if (number === this.teacher) return
    const next = number === null ? null : { number, snapshot: await this.#read(number) }
    this.#step.dispose()
    this.#teacher?.tower.dispose()
    this.#teacher = null
    try {
      if (next) this.#teacher = { tower: this.#load(next.snapshot), number: next.number }
      this.#step = this.#record()
    } catch (cause) {
      this.#teacher?.tower.dispose()
      this.#teacher = null
      this.#step = this.#record()
      throw cause
    }
  }

  async #read(number: number): Promise<Snapshot> {
    if (!this.modelDirectory)
      throw new DistillationError(`Distillation: snapshot ${number} is to teach, and no model's directory was given.`)
    const snapshot = await readSnapshot(snapshotDirectory(this.modelDirectory, number))
    checkTeacher(snapshot, this.#tower)
    return snapshot
  }

  #load(snapshot: Snapshot): Teacher {
    const { batchRows, publication } = this.#options
    const lessons = { layout: this.#space.user, rows: batchRows, weight: publication.distillationWeight }
    return Teacher.load(this.#device, snapshot, lessons)
  }

  #record(): TrainStep {
    const { batchRows, maxNorm } = this.#options
    const taskWeights = this.#space.tasks.map(({ weight }) => weight)
    const teacher = this.#teacher?.tower ?? null
    const step = this.#device.allOrNothing(
      () => new TrainStep(this.#device, this.#tower, this.#weights, batchRows, taskWeights, maxNorm, teacher),
    )
    step.onSteps = this.#onSteps
    return step
  }

  dispose(): void {
    this.#step.dispose()
    this.#teacher?.tower.dispose()
  }
}
