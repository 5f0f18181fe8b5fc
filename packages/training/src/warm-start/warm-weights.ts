/**
 * A snapshot's weights as those of a tower whose schema may have gained optional features. What the new features bring
 * starts so that it changes no embedding and no prediction: rows and columns that lead from them or to them are zero, and
 * what they look up starts as in a new tower. Where a softmax runs over tokens, a new one gets a logit that is out of reach.
 */
import { compileFeatures, type FeatureSpace } from '@headwater/features'
import {
  declareTower,
  type ModelConfig,
  placesOf,
  snapshotConfig,
  snapshotMatrices,
  type Weights,
} from '@headwater/runtime'
import { checkSchemaChange, type NamedMatrix, type Snapshot } from '@headwater/snapshot'
import { firstDifference } from '../checkpoint/settings.ts'
import { WarmStartError } from './warm-start-error.ts'

export interface WarmStart {
  /** Columns of the user's dense values that the snapshot did not have. */
  readonly newDense: readonly number[]
}

/**
 * Writes a snapshot's weights, in its tower's own coordinates, into those of a new tower, which are initialized.
 * @throws SchemaChangeError where the schema is not one that may follow the snapshot's; WarmStartError for another config
 * or a tensor that has no place. Nothing is written then.
 */
export function writeWarmWeights(
  weights: Weights,
  space: FeatureSpace,
  config: ModelConfig,
  snapshot: Snapshot,
): WarmStart {
  checkSchemaChange(snapshot.schema, space.schema)
  const difference = firstDifference(snapshotConfig(snapshot), JSON.parse(JSON.stringify(config)))
  if (difference)
    throw new WarmStartError(
      `Warm start from ${snapshot.directory}: its tower has another config, ${difference}. Give the config that it was trained with.`,
    )
  const old = compileFeatures(snapshot.schema)
  const { set } = declareTower(old.user, old.item, old.schema.tasks.length, config)
  const before = new Map(set.entries().map((entry) => [entry.name, entry]))
  const matrices = snapshotMatrices(snapshot)
  const written: { name: string; data: Float32Array }[] = []
  const entries = weights.set.entries()
  for (const { name, rows, cols, axes, fill, addedAsZero } of entries) {
    const from = before.get(name)
    const matrix = matrices.get(name)
    if (!from) {
      // A new feature's. What else was initialized stays as it is.
      if (addedAsZero) written.push({ name, data: new Float32Array(rows * cols) })
      continue
    }
    if (!matrix) throw unplaced(snapshot, name, 'is not in it')
    const [rowOf, columnOf] = axes.map((axis, i) => placesOf(from.axes[i], axis))
    if (matrix.rows !== from.rows || matrix.cols !== from.cols || !rowOf || !columnOf)
      throw unplaced(snapshot, name, `is ${matrix.rows} × ${matrix.cols} and would have to be ${rows} × ${cols}`)
    written.push({ name, data: moved(matrix, rowOf, columnOf, fill) })
  }
  for (const name of matrices.keys())
    if (!entries.some((entry) => entry.name === name)) throw unplaced(snapshot, name, 'has no place in the new tower')
  for (const { name, data } of written) weights.write(name, data)
  return { newDense: [...space.user.dense.keys()].filter((f) => !old.user.dense.includes(space.user.dense[f])) }
}

function unplaced({ directory }: Snapshot, name: string, what: string): WarmStartError {
  return new WarmStartError(
    `Warm start from ${directory}: tensor ${name} ${what}. Undo the change of features or config, or start without it.`,
  )
}

function moved(
  { cols: oldCols, data }: NamedMatrix,
  rowOf: Int32Array,
  columnOf: Int32Array,
  fill: number,
): Float32Array {
  const result = new Float32Array(rowOf.length * columnOf.length).fill(fill)
  for (const [r, row] of rowOf.entries()) {
    if (row < 0) continue
    for (const [c, column] of columnOf.entries())
      if (column >= 0) result[r * columnOf.length + c] = data[row * oldCols + column]
  }
  return result
}
