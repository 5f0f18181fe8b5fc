/** The mix tower in float64, row by row. Shape letters: K embeddings of D, T tasks. */

type Values = ReadonlyMap<string, Float64Array>

interface MixSizes {
  readonly embeddings: { readonly count: number; readonly width: number }
  readonly interaction:
    | { readonly kind: 'grouped'; readonly dots: number }
    | { readonly kind: 'pairwise'; readonly vectors: number }
  readonly hidden: readonly number[]
}

/** sum += x W, W [in, out] */
function addProduct(values: Values, weightName: string, x: readonly number[], sum: number[]): void {
  const weight = values.get(weightName)!
  for (let i = 0; i < x.length; i++) for (let o = 0; o < sum.length; o++) sum[o] += x[i] * weight[i * sum.length + o]
}

/** x W + b */
function affine(values: Values, name: string, x: readonly number[]): number[] {
  const sum = [...values.get(`${name}.bias`)!]
  addProduct(values, `${name}.weight`, x, sum)
  return sum
}

function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}

/** The T logits of one row, from its user's K · D embedding numbers and its item inputs x. */
export function referenceMix(
  values: Values,
  { embeddings, interaction, hidden }: MixSizes,
  e: readonly number[],
  x: readonly number[],
): number[] {
  const v = affine(values, 'mix.item-vector', x)
  let h = affine(values, 'mix.from-item', x)
  if (interaction.kind === 'grouped') {
    const z = [...e]
    const size = e.length / interaction.dots
    for (let at = 0; at < e.length; at += size) z.push(dot(e.slice(at, at + size), v.slice(at, at + size)))
    while (z.length % 4 > 0) z.push(0)
    addProduct(values, 'mix.from-interaction.weight', z, h)
  } else {
    const all = [...e, ...v]
    const D = embeddings.width
    const dots: number[] = []
    for (let i = 0; i * D < all.length; i++)
      for (let j = 0; j < i; j++) dots.push(dot(all.slice(i * D, i * D + D), all.slice(j * D, j * D + D)))
    addProduct(values, 'mix.from-embeddings.weight', e, h)
    addProduct(values, 'mix.from-dots.weight', dots, h)
  }
  for (let i = 2; i <= hidden.length; i++)
    h = affine(
      values,
      `mix.hidden${i}`,
      h.map((value) => Math.max(0, value)),
    )
  return affine(
    values,
    'mix.heads',
    h.map((value) => Math.max(0, value)),
  )
}
