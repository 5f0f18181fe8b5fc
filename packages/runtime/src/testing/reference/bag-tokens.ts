/** The token of one bag of ids in float64. Shape letter: d token width. */

/** @returns d numbers; `name` is the table's, `user.tags` for instance, and `ids` are those that the bag holds. */
export function referenceBagToken(
  values: ReadonlyMap<string, Float64Array>,
  name: string,
  pooling: 'mean' | 'sum' | 'attention',
  width: number,
  ids: readonly number[],
): number[] {
  const table = values.get(name)!
  // A bag of at most one value has no query.
  const query = values.get(`${name}.query`)
  const scores = ids.map((id) => {
    let score = 0
    if (query) for (let i = 0; i < width; i++) score += table[id * width + i] * query[i]
    return score / Math.sqrt(width)
  })
  const powers = scores.map((score) => Math.exp(score - Math.max(...scores)))
  const total = powers.reduce((a, b) => a + b, 0)
  const token = new Array<number>(width).fill(0)
  for (const [m, id] of ids.entries()) {
    const weight = pooling === 'sum' ? 1 : pooling === 'mean' ? 1 / ids.length : powers[m] / total
    for (let i = 0; i < width; i++) token[i] += weight * table[id * width + i]
  }
  return token
}
