import type { AnyKernel, Arrays, Binding, Shape } from '@headwater/gpu'

/** Elements after which a long array begins again: drawing each of millions would take seconds. */
const period = 999_983

/** Fills an array with what `draw` gives; a long one repeats itself. */
function fill<A extends Float32Array | Uint32Array>(array: A, draw: () => number): A {
  const drawn = Math.min(array.length, period)
  for (let i = 0; i < drawn; i++) array[i] = draw()
  for (let filled = drawn; filled < array.length; filled *= 2) array.copyWithin(filled, 0, filled)
  return array
}

/** `length` values uniform in [−scale, scale). `random()` is uniform in [0, 1), here and below. */
export const uniform = (length: number, random: () => number, scale = 1): Float32Array =>
  fill(new Float32Array(length), () => (random() * 2 - 1) * scale)

/** `length` whole numbers uniform in [0, below). */
export const integers = (length: number, below: number, random: () => number): Uint32Array =>
  fill(new Uint32Array(length), () => Math.floor(random() * below))

/** Inputs and outputs of `sizes` elements for a shape, as the kernel's `example` says. */
export function exampleArrays(kernel: AnyKernel, shape: Shape, random: () => number): Arrays {
  const sizes = kernel.sizes(shape)
  const given = kernel.example?.(shape, random) ?? {}
  const entries = Object.entries<Binding>(kernel.bindings).map(([name, { type }]) => {
    if (typeof given[name] === 'object') return [name, given[name]]
    const length = sizes[name] * (type.startsWith('vec4') ? 4 : 1)
    const isWhole = type === 'u32' || type === 'vec4u'
    return [name, isWhole ? integers(length, given[name] ?? 2 ** 32, random) : uniform(length, random, given[name])]
  })
  return Object.fromEntries(entries)
}
