import { ParameterSet } from '@headwater/runtime'
import { describe, expect, it } from 'vitest'
import { checkTrainingMemory, TrainingMemoryError } from './training-memory.ts'

/** 3 × 8 padded floats four times over, and tables of 4 and 40 MiB with their squares, of 1/4 and 2.5 MiB. */
function model(): ParameterSet {
  const set = new ParameterSet()
  set.declare('weight', 3, 5, 'zero')
  set.table('item.kind', 2 ** 16, 16, 'zero')
  set.table('item.shop', 10 * 2 ** 16, 16, 'zero')
  return set
}
const mebibyte = 2 ** 20
const total = 46.75 * mebibyte + 4 * 3 * 8 * 4

describe('memory of a training', () => {
  it('that fits to the byte is let pass', () => {
    expect(() => checkTrainingMemory(model(), 40 * mebibyte, total)).not.toThrow()
  })

  it('over the largest buffer: the table is named with both sizes', () => {
    const check = () => checkTrainingMemory(model(), 40 * mebibyte - 1, Number.POSITIVE_INFINITY)
    expect(check).toThrow(TrainingMemoryError)
    expect(check).toThrow(
      /needs 40 MiB for table item\.shop \(655360 rows of 16\), over the 40 MiB of the device's largest/,
    )
  })

  it('over what there is in all: the sum is told, and the largest part', () => {
    const check = () => checkTrainingMemory(model(), 64 * mebibyte, total - 1)
    expect(check).toThrow(
      /needs 47 MiB, most of it, 40 MiB, for table item\.shop .*, over the 47 MiB that there are\. Give/,
    )
  })
})
