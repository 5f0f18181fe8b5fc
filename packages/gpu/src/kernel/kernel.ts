/**
 * What a kernel is: one pipeline, declared as plain data and pure functions. From the declaration follow its WGSL
 * header and layout, its tests against the float64 reference, its compile check and its bench.
 */

export type ElementType = 'f32' | 'u32' | 'vec4f' | 'vec4u'

export interface Binding {
  readonly type: ElementType
  readonly access: 'read' | 'read_write'
}

/** One way to compute the same result; `name` is unique within its kernel. */
export interface Tuning {
  readonly name: string
  /** Where it uses subgroups: the fewest lanes with which it is right, however few the driver chooses. */
  readonly minSubgroupSize?: number
  /** Shapes that it can do, so that it need not hold the code for others. Default: all; the first tuning of a kernel does all. */
  fits?(shape: Shape): boolean
}

/**
 * What a uniform is, and so what is checked before a dispatch: `size` is a dimension, a whole number of at least 1;
 * `u32` a stride, an offset, a flag or a count that may be 0; `f32` any finite number.
 */
export type UniformType = 'size' | 'u32' | 'f32'

/** Sizes, strides, offsets and scalars of one dispatch. The kernel's uniforms are read from it by name. */
export type Shape = { readonly [name: string]: number }

/** Host arrays by binding name, as test cases and references hold them. */
export type Arrays = { [name: string]: Float32Array | Uint32Array }
export type ReferenceArrays<B extends string = string> = { [K in B]: Float64Array | Uint32Array }

/** |got − want| ≤ absolute + relative · |want| */
export interface Tolerance {
  readonly absolute: number
  readonly relative: number
}

export interface Kernel<S extends Shape = Shape, B extends string = string, T extends Tuning = Tuning> {
  /** 'family.operation', unique. */
  readonly name: string
  /** Order is the binding index; the uniform block, when there is one, comes last. */
  readonly bindings: { readonly [K in B]: Binding }
  readonly uniforms: { readonly [K in keyof S & string]?: UniformType }
  /** The first is safe on WebGPU's default limits; which one runs where is measured (the tuning table). */
  readonly tunings: readonly T[]
  /** Tells apart shapes that want different tunings; a few short words. Without it all shapes are alike. */
  bucket?(shape: S): string
  /** Statements after the generated header; must define `fn main`. */
  wgsl(tuning: T): string
  workgroups(shape: S, tuning: T): readonly [number, number, number]
  /** Elements that each binding must hold, in units of its type. A dispatch on smaller buffers is refused. */
  sizes(shape: S): { readonly [K in B]: number }
  /** Naive float64 loops that share nothing with the WGSL; writes the outputs in place. */
  reference(shape: S, arrays: ReferenceArrays<B>): void
  cost(shape: S): { readonly flops: number; readonly bytes: number }
  tolerance(shape: S, tuning: T): Tolerance
  /** Awkward shapes: 1, primes, a tile ± 1, gaps and offsets, over 65,535 workgroups. */
  readonly cases: readonly S[]
  /** A random shape, with gaps and offsets, around the tiles' sizes. `between` includes both ends. */
  draw(between: (low: number, high: number) => number): S
  /** The shapes that towers have: what is timed, tuned and compared. */
  readonly benchmarks: readonly S[]
  /**
   * What tests and benches draw for a binding: floats in [−n, n) or whole numbers in [0, n) for a number n, or just this
   * array. Without a word of a binding n is 1, for whole numbers 2³². `random()` is uniform in [0, 1).
   */
  example?(shape: S, random: () => number): { readonly [K in B]?: number | Float32Array | Uint32Array }
  /** On a backward kernel: of what it is the gradient. */
  readonly gradient?: Gradient<S, B>
  /** Inputs where NaN or infinity have no defined outcome. Everywhere else they come out as in the reference. */
  readonly finite?: readonly B[]
}

/**
 * Ties a backward kernel to its forward, for the gradient check and the support table. Inputs of one name are shared;
 * outputs of the forward that the backward reads by the same name (what was saved) are handed on.
 */
export interface Gradient<S extends Shape = Shape, B extends string = string> {
  readonly forward: AnyKernel
  /** The forward's shape; by default the backward's own. */
  shape?(shape: S): Shape
  /**
   * Output of the forward → the backward's binding that holds the loss's gradient by it, or that gradient itself. The
   * backward's other outputs are zero before it runs: what it does not write is a gradient of 0.
   */
  readonly from: { readonly [output: string]: B | ((shape: S, arrays: ReferenceArrays<B>) => ArrayLike<number>) }
  /** Input of the forward → the backward's binding that receives its gradient, or how to gather it from the outputs. */
  readonly to: { readonly [input: string]: B | ((shape: S, arrays: ReferenceArrays<B>) => ArrayLike<number>) }
}

// Kernels of different shapes stand in one list; what is specific is checked where a kernel is dispatched.
// biome-ignore lint/suspicious/noExplicitAny: a list of kernels is heterogeneous in shape, bindings and tunings
export type AnyKernel = Kernel<any, any, any>

const elementBytes: Record<ElementType, number> = { f32: 4, u32: 4, vec4f: 16, vec4u: 16 }

/** Bytes of one element of a binding. */
export function bytesPerElement(binding: Binding): number {
  return elementBytes[binding.type]
}

/** The complete WGSL of a kernel in one tuning: enables, bindings, uniform block, body. */
export function resolveWgsl<S extends Shape, B extends string, T extends Tuning>(
  kernel: Kernel<S, B, T>,
  tuning: T,
): string {
  const lines = tuning.minSubgroupSize ? ['enable subgroups;'] : []
  const bindings = Object.entries<Binding>(kernel.bindings)
  for (const [index, [name, binding]] of bindings.entries())
    lines.push(`@group(0) @binding(${index}) var<storage, ${binding.access}> ${name}: array<${binding.type}>;`)
  const uniforms = Object.entries(kernel.uniforms)
  if (uniforms.length > 0) {
    const fields = uniforms.map(([name, type]) => `${name}: ${type === 'f32' ? 'f32' : 'u32'}`)
    lines.push(`struct Uniforms { ${fields.join(', ')} }`)
    lines.push(`@group(0) @binding(${bindings.length}) var<uniform> u: Uniforms;`)
  }
  return `${lines.join('\n')}\n${kernel.wgsl(tuning)}`
}

/** The uniform block of a dispatch, in the order of the declaration, padded to 16 bytes. */
export function packUniforms(kernel: AnyKernel, shape: Shape): ArrayBuffer {
  const entries = Object.entries(kernel.uniforms)
  const view = new DataView(new ArrayBuffer(Math.ceil(entries.length / 4) * 16))
  for (const [index, [name, type]] of entries.entries()) {
    if (type === 'f32') view.setFloat32(index * 4, shape[name]!, true)
    else view.setUint32(index * 4, shape[name]!, true)
  }
  return view.buffer
}
