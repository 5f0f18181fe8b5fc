/**
 * A dense shape with random offsets and gaps: `…Offset` begins up to 5 elements later, a `…Row` is up to 3 longer. A `…Column`
 * lies up to 3 elements into a row that is as much longer.
 */
export function withGaps<S extends { [name: string]: number }>(
  dense: S,
  between: (low: number, high: number) => number,
): S {
  const shape: { [name: string]: number } = { ...dense }
  for (const name of Object.keys(dense)) {
    if (name.endsWith('Offset')) shape[name]! += between(0, 5)
    if (name.endsWith('Row')) shape[name]! += between(0, 3)
    const row = name.replace(/Column$/, 'Row')
    if (row === name || !(row in dense)) continue
    const column = between(0, 3)
    shape[name]! += column
    shape[row]! += column
  }
  return shape as S
}
