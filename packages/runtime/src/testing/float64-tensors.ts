/** Weights as the reading version takes them, some of which are moved to see what becomes of a result. */
export type Float64Tensors = Map<string, { readonly rows: number; readonly cols: number; readonly data: Float64Array }>

/** The tensors, one of them moved by `by` times a direction. */
export function movedAlong(
  tensors: Float64Tensors,
  name: string,
  direction: ArrayLike<number>,
  by: number,
): Float64Tensors {
  const tensor = tensors.get(name)!
  return new Map(tensors).set(name, { ...tensor, data: tensor.data.map((value, i) => value + by * direction[i]) })
}
