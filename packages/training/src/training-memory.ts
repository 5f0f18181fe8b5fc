/** How much memory a training takes on the device, known before anything is allocated. */
import { padded } from '@headwater/kernels'
import type { ParameterSet } from '@headwater/runtime'

/** Training would take more memory than there is. */
export class TrainingMemoryError extends Error {
  override readonly name = 'TrainingMemoryError'
}

interface Part {
  /** As in "table item.shop". */
  readonly what: string
  readonly sizeBytes: number
}

/** Weights, and what the optimizers keep of them; each part is a buffer of its own. */
function parts(set: ParameterSet): Part[] {
  const dense = set.parameters.reduce((sum, { rows, cols }) => sum + rows * padded(cols) * 4, 0)
  return [
    ...['parameters', 'parameter gradients', 'first moments', 'second moments'].map((what) => ({
      what,
      sizeBytes: dense,
    })),
    ...set.tables.flatMap(({ name, rows, width }) => [
      { what: `table ${name} (${rows} rows of ${width})`, sizeBytes: rows * padded(width) * 4 },
      { what: `squares of ${name}`, sizeBytes: rows * 4 },
    ]),
  ]
}

const mebibytes = (sizeBytes: number) => `${Math.ceil(sizeBytes / 2 ** 20).toLocaleString('en')} MiB`

/**
 * @param maxBufferBytes largest buffer of the device
 * @param memoryBytes what the device has in all; infinite where it does not say
 * @throws TrainingMemoryError with the numbers, for a part over the first or all of them over the second
 */
export function checkTrainingMemory(set: ParameterSet, maxBufferBytes: number, memoryBytes: number): void {
  const all = parts(set)
  const largest = all.reduce((a, b) => (b.sizeBytes > a.sizeBytes ? b : a))
  const remedy = 'Give fields fewer buckets, or the tower a smaller sparseWidth.'
  if (largest.sizeBytes > maxBufferBytes)
    throw new TrainingMemoryError(
      `Training needs ${mebibytes(largest.sizeBytes)} for ${largest.what}, over the ${mebibytes(maxBufferBytes)} of the device's largest buffer. ${remedy}`,
    )
  const total = all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  if (total > memoryBytes)
    throw new TrainingMemoryError(
      `Training needs ${mebibytes(total)}, most of it, ${mebibytes(largest.sizeBytes)}, for ${largest.what}, over the ${mebibytes(memoryBytes)} that there are. ${remedy}`,
    )
}
