/** How much memory a training takes on the device, known before anything is allocated. */
import { type BindingLimits, TableSizeError } from '@headwater/kernels'
import { ParameterSizeError, type Tower, Weights } from '@headwater/runtime'
import { Teacher } from '../distillation/teacher.ts'
import { measureStep } from '../step/train-step.ts'
import { measurePublication } from './publication-memory.ts'

/** Training would take more memory than there is. */
export class TrainingMemoryError extends Error {
  override readonly name = 'TrainingMemoryError'
}

interface Part {
  /** As in "table item.shop". */
  readonly what: string
  readonly sizeBytes: number
}

export interface TrainingMemory {
  /** Weights, what the optimizers keep of them, a teacher's weights, what a publication takes, and the parts of a step. */
  readonly parts: readonly Part[]
  readonly totalBytes: number
  /** Of the largest input, activation or gradient of a step: it must fit into one binding. */
  readonly largestTensorBytes: number
  /** Of the largest buffer that a step's uploads and results go through. */
  readonly largestStagingBytes: number
}

/**
 * @param rows R, of a step
 * @param isTaught a snapshot of a tower of the same config teaches it
 * @throws TrainingMemoryError for a parameter or a table that the device cannot bind
 */
export function measureTraining(tower: Tower, rows: number, limits: BindingLimits, isTaught: boolean): TrainingMemory {
  const { weights, teacher } = layOut(tower, rows, limits, isTaught)
  const step = measureStep(tower, weights, rows, limits.maxBufferSize, teacher)
  // Between publications, records of steps are read back through as many bytes again.
  const besideBytes = Math.max(measurePublication(tower, limits), step.largestStagingBytes)
  const parts = [
    ...weights.sizes.map(({ label, sizeBytes }) => ({ what: label, sizeBytes })),
    ...(teacher ? [{ what: 'the weights of the tower that teaches', sizeBytes: teacher.weightsBytes }] : []),
    { what: 'a publication, which loads the served snapshot too', sizeBytes: besideBytes },
    { what: `batches of ${rows} rows`, sizeBytes: step.inputBytes + step.stagingBytes },
    { what: `activations of ${rows} rows and their gradients`, sizeBytes: step.plannedBytes },
  ]
  const totalBytes = parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const largestTensorBytes = Math.max(step.largestBytes, step.largestInputBytes)
  return { parts, totalBytes, largestTensorBytes, largestStagingBytes: step.largestStagingBytes }
}

function layOut(tower: Tower, rows: number, limits: BindingLimits, isTaught: boolean) {
  try {
    const { layout } = tower.user.needs
    return {
      weights: new Weights(null, tower.set, true, limits),
      teacher: isTaught ? new Teacher(null, layout, tower.config, { layout, rows, weight: 0 }, limits) : null,
    }
  } catch (cause) {
    if (cause instanceof ParameterSizeError || cause instanceof TableSizeError)
      throw new TrainingMemoryError(cause.message, { cause })
    throw cause
  }
}

const mebibytes = (sizeBytes: number) => `${Math.ceil(sizeBytes / 2 ** 20).toLocaleString('en')} MiB`

/**
 * @param rows R, of a step
 * @param memoryBytes free on the device; infinite where it does not say
 * @param isTaught a snapshot of a tower of the same config teaches it
 * @throws TrainingMemoryError with the numbers
 */
export function checkTrainingMemory(
  tower: Tower,
  rows: number,
  limits: BindingLimits,
  memoryBytes: number,
  isTaught: boolean,
): void {
  const { parts, totalBytes, largestTensorBytes, largestStagingBytes } = measureTraining(tower, rows, limits, isTaught)
  for (const [needed, what, most, one] of [
    [largestTensorBytes, 'input or activation', limits.maxStorageBufferBindingSize, 'binding'],
    [largestStagingBytes, 'upload or record', limits.maxBufferSize, 'buffer'],
  ] as const)
    if (needed > most)
      throw new TrainingMemoryError(
        `Training needs ${mebibytes(needed)} for the largest ${what} of ${rows} rows, over the ${mebibytes(most)} that one ${one} of the device may have. Give a step fewer rows (batchRows), or the model smaller layers.`,
      )
  if (totalBytes <= memoryBytes) return
  const largest = parts.reduce((a, b) => (b.sizeBytes > a.sizeBytes ? b : a))
  throw new TrainingMemoryError(
    `Training needs ${mebibytes(totalBytes)}, most of it, ${mebibytes(largest.sizeBytes)}, for ${largest.what}, over the ${mebibytes(memoryBytes)} that there are. Give fields fewer buckets, the model smaller sizes, or a step fewer rows (batchRows).`,
  )
}
