/** Shape letters: R rows, T tasks. */
import type { FeatureSpace, ReplayBatch } from '@headwater/features'

/** Examples as the towers take them; rows beyond `rows` of a side are ignored. */
export interface TrainingBatch extends ReplayBatch {
  readonly rows: number
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
