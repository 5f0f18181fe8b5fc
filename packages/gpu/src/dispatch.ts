import type { GpuDevice } from './device.ts'
import { GpuLimitError, KernelError } from './errors.ts'
import { type Binding, bytesPerElement, type Kernel, packUniforms, type Shape, type Tuning } from './kernel.ts'

/** One kernel call with everything decided but its uniforms' place: pipeline, buffers, grid. */
export interface Dispatch {
  readonly kernel: string
  readonly tuning: string
  readonly flops: number
  readonly bytes: number
  readonly pipeline: GPUComputePipeline
  readonly buffers: readonly GPUBuffer[]
  readonly uniforms: ArrayBuffer | null
  readonly workgroups: readonly [number, number, number]
}

/**
 * Checks a kernel call and prepares it.
 * @throws KernelError for a missing or fractional uniform or a missing buffer, GpuLimitError for a grid over the limit.
 */
export function prepareDispatch<S extends Shape, B extends string, T extends Tuning>(
  device: GpuDevice,
  kernel: Kernel<S, B, T>,
  shape: S,
  buffers: { readonly [K in B]: GPUBuffer },
  tuning: T = device.tuning(kernel),
): Dispatch {
  for (const [name, type] of Object.entries(kernel.uniforms)) {
    const value = shape[name]
    if (value === undefined || !Number.isFinite(value))
      throw new KernelError(kernel.name, name, `needs a finite number, got ${value}`)
    if (type === 'u32' && (!Number.isInteger(value) || value < 0 || value > 0xffffffff))
      throw new KernelError(kernel.name, name, `needs a whole number from 0 to 4294967295, got ${value}`)
  }
  const ordered = Object.entries<Binding>(kernel.bindings).map(([name, binding]) => {
    const buffer = buffers[name as B]
    if (!buffer) throw new KernelError(kernel.name, name, 'no buffer was given for this binding')
    if (buffer.size % bytesPerElement(binding) !== 0)
      throw new KernelError(kernel.name, name, `buffer of ${buffer.size} bytes is no whole number of ${binding.type}`)
    return buffer
  })
  const workgroups = kernel.workgroups(shape, tuning)
  const limit = device.limits.maxComputeWorkgroupsPerDimension
  for (const [axis, count] of workgroups.entries())
    if (count > limit)
      throw new GpuLimitError(
        `kernel ${kernel.name}, workgroups along ${'xyz'[axis]},`,
        count,
        limit,
        'maxComputeWorkgroupsPerDimension',
      )
  return {
    kernel: kernel.name,
    tuning: tuning.name,
    ...kernel.cost(shape),
    pipeline: device.pipeline(kernel, tuning),
    buffers: ordered,
    uniforms: Object.keys(kernel.uniforms).length > 0 ? packUniforms(kernel, shape) : null,
    workgroups,
  }
}
