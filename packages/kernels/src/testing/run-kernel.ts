import {
  type AnyKernel,
  type Arrays,
  type GpuDevice,
  Program,
  prepareDispatch,
  type ReferenceArrays,
  type Shape,
  type Tuning,
} from '@headwater/gpu'

/** Names of the bindings that a kernel writes. */
export const outputsOf = (kernel: AnyKernel) =>
  Object.entries(kernel.bindings as Record<string, { access: string }>).flatMap(([name, binding]) =>
    binding.access === 'read_write' ? [name] : [],
  )

/** Runs a kernel once on a device. @returns its outputs, of the arrays' own types. */
export async function runKernel(
  device: GpuDevice,
  kernel: AnyKernel,
  tuning: Tuning,
  shape: Shape,
  arrays: Arrays,
): Promise<Arrays> {
  const buffers = Object.fromEntries(
    Object.entries(arrays).map(([name, array]) => {
      const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
      const buffer = device.buffer(name, array.byteLength, usage)
      device.gpuDevice.queue.writeBuffer(buffer, 0, array as Float32Array<ArrayBuffer>)
      return [name, buffer]
    }),
  )
  const program = new Program(device, [prepareDispatch(device, kernel, shape, buffers, tuning)], kernel.name)
  program.submit()
  const outputs: Arrays = {}
  for (const name of outputsOf(kernel)) {
    const data = await device.read(buffers[name], arrays[name].byteLength)
    outputs[name] = arrays[name] instanceof Uint32Array ? new Uint32Array(data) : new Float32Array(data)
  }
  program.dispose()
  for (const buffer of Object.values(buffers)) device.release(buffer)
  return outputs
}

/** The same bits, also of NaN. */
export function sameBits(a: Arrays[string], b: Arrays[string]): boolean {
  const [x, y] = [a, b].map((array) => new Uint32Array(array.buffer, array.byteOffset, array.length))
  return x.length === y.length && x.every((word, i) => word === y[i])
}

/** A copy of the arrays in float64, for the reference. */
export const widen = (arrays: Arrays): ReferenceArrays =>
  Object.fromEntries(
    Object.entries(arrays).map(([name, a]) => [name, a instanceof Float32Array ? Float64Array.from(a) : a.slice()]),
  )

/** The value of an output that is farthest from the reference. */
export interface WorstValue {
  readonly output: string
  readonly index: number
  readonly got: number
  readonly want: number
  /** As a share of the tolerance, so at most 1 where it holds; NaN where only one of the two is NaN. */
  readonly error: number
}

/**
 * Compares every value of every output, also those that the kernel has no business to write, with the float64 reference.
 * @returns one for each output
 */
export function worstValues(
  kernel: AnyKernel,
  tuning: Tuning,
  shape: Shape,
  arrays: Arrays,
  got: Arrays,
): readonly WorstValue[] {
  const want = widen(arrays)
  kernel.reference(shape, want)
  const { absolute, relative } = kernel.tolerance(shape, tuning)
  return outputsOf(kernel).map((output) => {
    let [error, index] = [0, 0]
    for (const [i, value] of want[output].entries()) {
      // NaN is answered by NaN, infinity by the same infinity.
      if (Object.is(got[output][i], Math.fround(value))) continue
      const own = Math.abs(got[output][i] - value) / (absolute + relative * Math.abs(value) + Number.MIN_VALUE)
      if (!(own <= error)) [error, index] = [own, i]
      if (Number.isNaN(error)) break
    }
    return { output, index, got: got[output][index], want: want[output][index], error }
  })
}
