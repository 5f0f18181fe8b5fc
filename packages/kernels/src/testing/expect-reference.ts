import type { AnyKernel, Arrays, Shape, Tuning } from '@headwater/gpu'
import { expect } from 'vitest'
import { worstValues } from './run-kernel.ts'

/** Every value of every output, also those that the kernel has no business to write, is as in the reference. */
export function expectReference(kernel: AnyKernel, tuning: Tuning, shape: Shape, arrays: Arrays, got: Arrays): void {
  for (const { output, index, got: value, want, error } of worstValues(kernel, tuning, shape, arrays, got))
    expect(error, `${output}[${index}]: got ${value}, want ${want}`).toBeLessThanOrEqual(1)
}
