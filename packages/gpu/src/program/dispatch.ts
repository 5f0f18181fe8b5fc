import type { GpuDevice } from '../device/device.ts'
import { DeviceFeatureError, GpuLimitError, KernelError } from '../device/errors.ts'
import { type Binding, bytesPerElement, type Kernel, packUniforms, type Shape, type Tuning } from '../kernel/kernel.ts'

/** Part of a buffer, in bytes. The offset is a multiple of the device's `minStorageBufferOffsetAlignment`. */
export interface BufferRange {
  readonly buffer: GPUBuffer
  readonly offset: number
  readonly size: number
}

/** One kernel call with everything decided but its uniforms' place: pipeline, buffers, grid. */
export interface Dispatch {
  readonly kernel: string
  readonly tuning: string
  readonly shape: Shape
  readonly flops: number
  readonly bytes: number
  readonly pipeline: GPUComputePipeline
  readonly buffers: readonly BufferRange[]
  readonly uniforms: ArrayBuffer | null
  readonly workgroups: readonly [number, number, number]
}

function checkUniforms(kernel: Kernel, shape: Shape): void {
  for (const [name, type] of Object.entries(kernel.uniforms)) {
    const value = shape[name]
    if (value === undefined || !Number.isFinite(value))
      throw new KernelError(kernel.name, name, `needs a finite number, got ${value}`)
    const least = type === 'size' ? 1 : 0
    if (type !== 'f32' && (!Number.isInteger(value) || value < least || value > 0xffffffff))
      throw new KernelError(kernel.name, name, `needs a whole number from ${least} to 4294967295, got ${value}`)
  }
}

function checkRange(device: GpuDevice, kernel: Kernel, name: string, range: BufferRange, needed: number): void {
  const { buffer, offset, size } = range
  const fail = (message: string): never => {
    throw new KernelError(kernel.name, name, message)
  }
  if (!device.owns(buffer)) fail(`buffer "${buffer.label}" is not one of device "${device.label}"`)
  if (!(buffer.usage & GPUBufferUsage.STORAGE)) fail(`buffer "${buffer.label}" was not made for storage`)
  const alignment = device.limits.minStorageBufferOffsetAlignment
  if (offset % alignment !== 0)
    fail(`starts at byte ${offset} of "${buffer.label}", which is no multiple of ${alignment}`)
  if (offset + size > buffer.size) fail(`ends at byte ${offset + size} of "${buffer.label}", which has ${buffer.size}`)
  const { type } = kernel.bindings[name]!
  const bytes = bytesPerElement(kernel.bindings[name]!)
  if (size % bytes !== 0) fail(`${size} bytes are no whole number of ${type}`)
  if (size < needed * bytes)
    fail(`buffer "${buffer.label}" holds ${size / bytes} ${type}, but this shape needs ${needed}`)
  const limit = device.limits.maxStorageBufferBindingSize
  if (size > limit)
    throw new GpuLimitError(`kernel ${kernel.name}, bytes of ${name},`, size, limit, 'maxStorageBufferBindingSize')
}

/** A buffer that is written may stand behind no second binding. */
function checkOverlap(kernel: Kernel, ranges: readonly BufferRange[]): void {
  const bindings = Object.entries<Binding>(kernel.bindings)
  for (const [i, [name, binding]] of bindings.entries())
    for (const [j, [other]] of bindings.entries()) {
      const [a, b] = [ranges[i]!, ranges[j]!]
      const overlap = a.buffer === b.buffer && a.offset < b.offset + b.size && b.offset < a.offset + a.size
      if (i !== j && overlap && binding.access === 'read_write')
        throw new KernelError(kernel.name, name, `is written, but shares "${a.buffer.label}" with ${other}`)
    }
}

/**
 * Checks a kernel call and prepares it.
 * @throws KernelError for a uniform that is missing, fractional or a dimension of 0, and for a buffer that is missing, too
 * small for the shape, of another device or bound twice; GpuLimitError for a binding or grid over the device's limits;
 * DeviceFeatureError for a tuning that the device cannot run.
 */
export function prepareDispatch<S extends Shape, B extends string, T extends Tuning>(
  device: GpuDevice,
  kernel: Kernel<S, B, T>,
  shape: S,
  buffers: { readonly [K in B]: GPUBuffer | BufferRange },
  tuning: T = device.tuning(kernel, shape),
): Dispatch {
  const plain = kernel as unknown as Kernel
  if (!device.supports(tuning)) throw new DeviceFeatureError(kernel.name, tuning, device.adapter)
  if (!device.supports(tuning, shape))
    throw new KernelError(kernel.name, 'shape', `${JSON.stringify(shape)} is none that tuning ${tuning.name} can do`)
  checkUniforms(plain, shape)
  const sizes = kernel.sizes(shape)
  const ranges = (Object.keys(kernel.bindings) as B[]).map((name) => {
    const given: GPUBuffer | BufferRange | undefined = buffers[name]
    if (!given) throw new KernelError(kernel.name, name, 'no buffer was given for this binding')
    const range = 'buffer' in given ? given : { buffer: given, offset: 0, size: given.size }
    checkRange(device, plain, name, range, sizes[name])
    return range
  })
  checkOverlap(plain, ranges)
  const workgroups = kernel.workgroups(shape, tuning)
  const limitName = 'maxComputeWorkgroupsPerDimension'
  const limit = device.limits[limitName]
  for (const [axis, count] of workgroups.entries())
    if (count > limit)
      throw new GpuLimitError(`kernel ${kernel.name}, workgroups along ${'xyz'[axis]},`, count, limit, limitName)
  return {
    kernel: kernel.name,
    tuning: tuning.name,
    shape,
    ...kernel.cost(shape),
    pipeline: device.pipeline(kernel, tuning),
    buffers: ranges,
    uniforms: Object.keys(kernel.uniforms).length > 0 ? packUniforms(kernel, shape) : null,
    workgroups,
  }
}
