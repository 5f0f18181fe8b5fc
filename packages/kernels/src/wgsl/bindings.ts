import type { ElementType } from '@headwater/gpu'

const bindings = <T extends ElementType, A extends 'read' | 'read_write', B extends string>(
  type: T,
  access: A,
  names: readonly B[],
) =>
  Object.fromEntries(names.map((name) => [name, { type, access }])) as { readonly [name in B]: { type: T; access: A } }

/** Bindings of one type that a kernel only reads, in the order of their names. */
export const reads = <T extends ElementType, B extends string>(type: T, ...names: readonly B[]) =>
  bindings(type, 'read', names)

/** The same for bindings that it writes. */
export const writes = <T extends ElementType, B extends string>(type: T, ...names: readonly B[]) =>
  bindings(type, 'read_write', names)
