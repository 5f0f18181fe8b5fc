import type { UniformType } from '@headwater/gpu'

/** Uniforms of one type, in the order of their names. */
export const all = <T extends UniformType, K extends string>(type: T, ...names: readonly K[]) =>
  Object.fromEntries(names.map((name) => [name, type])) as { readonly [name in K]: T }

/** 0 for each uniform: what a shape begins with that has few others. */
export const zeros = <U extends { readonly [name: string]: UniformType }>(uniforms: U) =>
  Object.fromEntries(Object.keys(uniforms).map((name) => [name, 0])) as ShapeOf<U>

/** A number for each uniform. */
export type ShapeOf<U> = { -readonly [name in keyof U]: number }
