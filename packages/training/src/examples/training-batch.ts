/** Shape letters: R rows, T tasks. */
import type { FeatureSpace, SideBatch } from '@headwater/features'

/** Examples as the towers take them; rows beyond `rows` of a side are ignored. */
export interface TrainingBatch {
  readonly rows: number
  readonly user: SideBatch
  readonly item: SideBatch
  /** 0/1 [R, T] */
  readonly labels: Uint8Array
  /** [R, T]; 0 where the label is unknown. */
  readonly labelWeights: Float32Array
  /** [R] times of the examples, milliseconds since 1970. */
  readonly timeMs: Float64Array
}

/** A batch of R zeroed rows of a feature space, to be filled by a replay or an example file. */
export function allocateExamples(space: FeatureSpace, rows: number): TrainingBatch {
  const tasks = space.tasks.length
  return {
    rows,
    user: space.allocate('user', rows),
    item: space.allocate('item', rows),
    labels: new Uint8Array(rows * tasks),
    labelWeights: new Float32Array(rows * tasks),
    timeMs: new Float64Array(rows),
  }
}
