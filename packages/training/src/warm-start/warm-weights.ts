/**
 * A snapshot's weights as those of a tower whose schema may have gained optional features. What the new features bring
 * starts so that it changes no embedding and no prediction: rows and columns that lead from them or to them are zero, and
 * what they look up starts as in a new tower. Where a softmax runs over tokens, a new one gets a logit that is out of reach.
 */
import { compileFeatures, type FeatureSpace, type SideLayout } from '@headwater/features'
import { type ModelConfig, snapshotConfig, type Weights } from '@headwater/runtime'
import { checkSchemaChange, type NamedMatrix, type Snapshot } from '@headwater/snapshot'
import { firstDifference } from '../checkpoint/settings.ts'
import { tensorAxes } from './tensor-axes.ts'
import { WarmStartError } from './warm-start-error.ts'

/** e⁻²⁰ is 2e-9: below the rounding of f32 beside the logits of other tokens, and still with a gradient that Adam scales up. */
const outOfReach = -20

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
  const before = tensorAxes(old.user, old.item, config)
  const after = tensorAxes(space.user, space.item, config)
  const isNew = newTensors(old, space)
  const written: { name: string; data: Float32Array }[] = []
  const entries = weights.set.entries()
  for (const { name, rows, cols } of entries) {
    const matrix = snapshot.matrices.get(name)
    if (!matrix) {
      const start = isNew(name)
      if (start === null) throw unplaced(snapshot, name, 'is not in it')
      if (start === 'zero') written.push({ name, data: new Float32Array(rows * cols) })
      continue
    }
    const [from, to] = [before(name), after(name)]
    const rowOf = places(from.rows, to.rows, matrix.rows, rows)
    const columnOf = places(from.cols, to.cols, matrix.cols, cols)
    if (!rowOf || !columnOf)
      throw unplaced(snapshot, name, `is ${matrix.rows} × ${matrix.cols} and would have to be ${rows} × ${cols}`)
    const fill = name.endsWith('.compression.logits.bias') ? outOfReach : 0
    written.push({ name, data: moved(matrix, rowOf, columnOf, fill) })
  }
  for (const name of snapshot.matrices.keys())
    if (!entries.some((entry) => entry.name === name)) throw unplaced(snapshot, name, 'has no place in the new tower')
  for (const { name, data } of written) weights.write(name, data)
  return { newDense: [...space.user.dense.keys()].filter((f) => !old.user.dense.includes(space.user.dense[f])) }
}

function unplaced({ directory }: Snapshot, name: string, what: string): WarmStartError {
  return new WarmStartError(
    `Warm start from ${directory}: tensor ${name} ${what}. Undo the change of features or config, or start without it.`,
  )
}

/** How tensors start that an older tower does not have: as initialized, or at zero; null: they are no new feature's. */
function newTensors(old: FeatureSpace, now: FeatureSpace): (name: string) => 'initialized' | 'zero' | null {
  const initialized = new Set<string>()
  const zero = new Set<string>()
  const addBags = (side: 'user' | 'item', before: SideLayout, after: SideLayout) => {
    for (const { name } of after.bags)
      if (!before.bags.some((bag) => bag.name === name))
        for (const tensor of [name, `${name}.query`]) initialized.add(`${side}.${tensor}`)
  }
  addBags('user', old.user, now.user)
  addBags('item', old.item, now.item)
  // The category of an event that has none is looked up too: its embedding is added to those that are trained.
  for (const { name } of now.user.sequence?.categories ?? [])
    if (!old.user.sequence?.categories.some((category) => category.name === name)) zero.add(`user.sequence.${name}`)
  return (name) => {
    const isSequence = name === 'user.sequence' || name.startsWith('user.sequence.')
    if (isSequence && !old.user.sequence) return 'initialized'
    return zero.has(name) ? 'zero' : initialized.has(name) ? 'initialized' : null
  }
}

/** Old place of each new row or column, −1 for a new one; null where they cannot be told apart. */
function places(
  before: readonly string[] | null,
  after: readonly string[] | null,
  oldCount: number,
  count: number,
): Int32Array | null {
  if (!before || !after) return oldCount === count ? Int32Array.from({ length: count }, (_, i) => i) : null
  if (before.length !== oldCount || after.length !== count) return null
  const oldPlaces = new Map(before.map((name, i) => [name, i]))
  const found = Int32Array.from(after, (name) => oldPlaces.get(name) ?? -1)
  // Features of a model stay, so that every old number has a place.
  return found.filter((place) => place >= 0).length >= oldCount - paddingOf(before) ? found : null
}

/** Padding may be fewer columns than it was. */
const paddingOf = (names: readonly string[]) => names.filter((name) => name.startsWith('padding/')).length

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
