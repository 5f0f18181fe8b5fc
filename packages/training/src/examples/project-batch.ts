/** Rows for a tower that knows fewer features. Shape letters: R rows. */
import type { SideBatch, SideLayout } from '@headwater/features'

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
  const bags = to.bags.map((bag) => {
    const at = from.bags.findIndex((other) => JSON.stringify(other) === JSON.stringify(bag))
    if (at < 0)
      throw new LayoutError(`Rows have no "${bag.name}" of ${bag.buckets} buckets; encode them by its schema.`)
    return batch.bags[at]
  })
  return { rows, dense, bags, sequence: to.sequence && projectSequence(from.sequence, to.sequence, batch.sequence) }
}

function projectSequence(
  from: SideLayout['sequence'],
  to: NonNullable<SideLayout['sequence']>,
  sequence: SideBatch['sequence'],
): SideBatch['sequence'] {
  const plain = ({ length, buckets, channels }: NonNullable<SideLayout['sequence']>) => `${[length, buckets, channels]}`
  if (!from || !sequence || plain(from) !== plain(to))
    throw new LayoutError('Rows have no sequence as it is asked for; encode them by its schema.')
  const categories = to.categories.map(({ name, buckets }) => {
    const at = from.categories.findIndex((other) => other.name === name && other.buckets === buckets)
    if (at < 0)
      throw new LayoutError(`Sequences have no "${name}" of ${buckets} buckets; encode the rows by its schema.`)
    return sequence.categories[at]
  })
  return { ...sequence, categories }
}
