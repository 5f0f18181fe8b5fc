/** Rows for a tower that knows fewer features. Shape letters: R rows. */
import { arraysOf, batchArrays, batchOf, type SideBatch, type SideLayout } from '@headwater/features'

/** A layout asks for a feature that rows do not have. */
export class LayoutError extends Error {
  override readonly name = 'LayoutError'
}

/**
 * Gives rows of one layout as rows of another, whose features are among them: columns are found by name, so that an older
 * tower can be asked about rows that carry features added since. Rows of the same layout are given back as they are.
 * @throws LayoutError naming the feature that is missing or has another size.
 */
export function projectBatch(from: SideLayout, to: SideLayout, batch: SideBatch): SideBatch {
  if (JSON.stringify(from) === JSON.stringify(to)) return batch
  const { rows } = batch
  const columns = to.dense.map((name) => {
    const column = from.dense.indexOf(name)
    if (column < 0) throw new LayoutError(`Rows have no column "${name}"; encode them by a schema that has it.`)
    return column
  })
  const dense = new Float32Array(rows * columns.length)
  for (let r = 0; r < rows; r++)
    for (const [i, column] of columns.entries())
      dense[r * columns.length + i] = batch.dense[r * from.dense.length + column]
  const [given, arrays] = [batchArrays(from), arraysOf(batch)]
  return batchOf(to, rows, ({ name, width, most }) => {
    if (name === 'dense') return dense
    const at = given.findIndex((other) => other.name === name && other.width === width && other.most === most)
    if (at < 0)
      throw new LayoutError(`Rows have no "${name}" of ${width} values up to ${most}; encode them by its schema.`)
    return arrays[at]
  })
}
