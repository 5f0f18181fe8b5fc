/**
 * What a kernel is: one pipeline, declared as plain data and pure functions. From the declaration follow its WGSL
 * header and layout, its tests against the float64 reference, its compile check and its bench.
 */

export type ElementType = 'f32' | 'u32' | 'vec4f' | 'vec4u'

export interface Binding {
  readonly type: ElementType
  readonly access: 'read' | 'read_write'
}

/** What an adapter must have for a tuning to be right there. */
export interface TuningNeeds {
  readonly features?: readonly GPUFeatureName[]
  /** Smallest subgroup the driver may choose, in lanes. */
  readonly minSubgroupSize?: number
}

/** One way to compute the same result; `name` is unique within its kernel. */
export interface Tuning {
  readonly name: string
  readonly needs?: TuningNeeds
}

/** Sizes, strides, offsets and scalars of one dispatch. The kernel's uniforms are read from it by name. */
export type Shape = { readonly [name: string]: number }

/** Host arrays by binding name, as test cases and references hold them. */
export type Arrays<B extends string = string> = { [K in B]: Float32Array | Uint32Array }
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
  readonly uniforms: { readonly [K in keyof S & string]?: 'u32' | 'f32' }
  /** The first is safe on WebGPU's default limits. */
  readonly tunings: readonly T[]
  /** Statements after the generated header; must define `fn main`. */
  wgsl(tuning: T): string
  workgroups(shape: S, tuning: T): readonly [number, number, number]
  /** Naive float64 loops that share nothing with the WGSL; writes the outputs in place. */
  reference(shape: S, arrays: ReferenceArrays<B>): void
  cost(shape: S): { readonly flops: number; readonly bytes: number }
  tolerance(shape: S, tuning: T): Tolerance
  readonly cases: readonly S[]
  /** Inputs and zeroed outputs for a case. `random()` is uniform in [0, 1). */
  example(shape: S, random: () => number): Arrays<B>
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
  const lines = (tuning.needs?.features ?? []).flatMap((f) =>
    f === 'subgroups' ? ['enable subgroups;'] : f === 'shader-f16' ? ['enable f16;'] : [],
  )
  const bindings = Object.entries<Binding>(kernel.bindings)
  for (const [index, [name, binding]] of bindings.entries())
    lines.push(`@group(0) @binding(${index}) var<storage, ${binding.access}> ${name}: array<${binding.type}>;`)
  const uniforms = Object.entries(kernel.uniforms)
  if (uniforms.length > 0) {
    lines.push(`struct Uniforms { ${uniforms.map(([name, type]) => `${name}: ${type}`).join(', ')} }`)
    lines.push(`@group(0) @binding(${bindings.length}) var<uniform> u: Uniforms;`)
  }
  return `${lines.join('\n')}\n${kernel.wgsl(tuning)}`
}

/** The uniform block of a dispatch, in the order of the declaration, padded to 16 bytes. */
export function packUniforms(kernel: AnyKernel, shape: Shape): ArrayBuffer {
  const entries = Object.entries(kernel.uniforms)
  const view = new DataView(new ArrayBuffer(Math.ceil(entries.length / 4) * 16))
  for (const [index, [name, type]] of entries.entries()) {
    if (type === 'u32') view.setUint32(index * 4, shape[name]!, true)
    else view.setFloat32(index * 4, shape[name]!, true)
  }
  return view.buffer
}
