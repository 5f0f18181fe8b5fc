import { describe, expect, test } from 'vitest'
import { seededRandom } from '../random/random.ts'
import { LogisticRegression } from './logistic-regression.ts'

/** Rows of normal columns whose labels follow a logit of them. */
function drawn(rows: number, columns: number, logit: (x: Float32Array) => number, seed = 5) {
  const random = seededRandom(seed)
  const values = new Float32Array(rows * columns)
  const labels = new Uint8Array(rows)
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) values[r * columns + c] = 3 + 2 ** c * random.nextNormal()
    const eta = logit(values.subarray(r * columns, (r + 1) * columns))
    labels[r] = random.nextFloat() < 1 / (1 + Math.exp(-eta)) ? 1 : 0
  }
  return { values, labels, rows, columns }
}

function fitted({ values, labels, rows, columns }: ReturnType<typeof drawn>) {
  const model = new LogisticRegression(columns)
  model.fit(values, labels, rows)
  const at = (x: readonly number[]) => model.logit(Float32Array.from(x), 0)
  const zeros = new Array(columns).fill(0)
  const intercept = at(zeros)
  const slopes = zeros.map((_, c) => at(zeros.map((zero, other) => (other === c ? 1 : zero))) - intercept)
  return { model, intercept, slopes }
}

/** Penalized loss by its definition, in float64. */
function lossOf({ values, labels, rows, columns }: ReturnType<typeof drawn>, intercept: number, slopes: number[]) {
  const column = (c: number) => Array.from({ length: rows }, (_, r) => values[r * columns + c])
  const mean = (all: number[]) => all.reduce((sum, x) => sum + x, 0) / all.length
  const means = slopes.map((_, c) => mean(column(c)))
  const centered = intercept + slopes.reduce((sum, slope, c) => sum + slope * means[c], 0)
  const penalties = slopes.map((slope, c) => slope ** 2 * mean(column(c).map((x) => (x - means[c]) ** 2)))
  let loss = (centered ** 2 + penalties.reduce((sum, own) => sum + own, 0)) / 2
  for (let r = 0; r < rows; r++) {
    const eta = slopes.reduce((sum, slope, c) => sum + slope * values[r * columns + c], intercept)
    loss += Math.log(1 + Math.exp(labels[r] === 1 ? -eta : eta))
  }
  return loss
}

test('finds the weights that labels were drawn by', () => {
  const { intercept, slopes } = fitted(drawn(40_000, 3, ([a, b, c]) => 0.4 + a - 0.5 * b + 0.1 * c))
  expect(intercept).toBeCloseTo(0.4, 0)
  for (const [c, slope] of [1, -0.5, 0.1].entries()) expect(slopes[c]).toBeCloseTo(slope, 1)
})

test.each([
  ['as drawn', drawn(300, 4, ([a, , c]) => a - c)],
  ['rare positives', drawn(300, 2, ([a]) => a - 6)],
])('no weights near by have a smaller loss: %s', (_, rows) => {
  const { intercept, slopes } = fitted(rows)
  const least = lossOf(rows, intercept, slopes)
  for (const step of [-0.05, 0.05]) {
    expect(lossOf(rows, intercept + step, slopes)).toBeGreaterThan(least)
    for (const c of slopes.keys())
      expect(
        lossOf(
          rows,
          intercept,
          slopes.map((slope, i) => (i === c ? slope + step : slope)),
        ),
      ).toBeGreaterThan(least)
  }
})

test('where a fit begins is of no matter to where it ends', () => {
  const rows = drawn(2000, 4, ([a, b]) => a - b)
  const { model, slopes } = fitted(rows)
  const other = new LogisticRegression(4)
  other.fit(
    rows.values,
    rows.labels.map((label) => 1 - label),
    100,
  )
  other.fit(rows.values, rows.labels, rows.rows)
  expect(slopes[0]).toBeGreaterThan(0.5)
  for (const x of [
    [1, 2, 3, 4],
    [5, 0, 0, -9],
  ])
    expect(other.logit(Float32Array.from(x), 0)).toBeCloseTo(model.logit(Float32Array.from(x), 0), 1)
})

describe('the penalty leaves finite weights', () => {
  const twice = ({ values, labels, rows }: ReturnType<typeof drawn>) => {
    const wide = new Float32Array(rows * 3)
    for (let r = 0; r < rows; r++) wide.set([values[r], 7.1, 2 * values[r] - 1], r * 3)
    return { values: wide, labels, rows, columns: 3 }
  }
  test('of a constant column and one that is another’s double', () => {
    const one = drawn(500, 1, ([a]) => 2 * a - 6)
    const { model, slopes } = fitted(twice(one))
    expect(slopes[1]).toBe(0)
    // Both have half of the say, in units of their deviation.
    expect(slopes[0]).toBeCloseTo(2 * slopes[2], 4)
    const { values, labels, rows } = twice(one)
    expect(model.report(values, labels, rows)).toEqual({ rank: 1, isSeparable: false })
  })

  test('where a column separates the classes', () => {
    const rows = drawn(500, 2, ([a]) => (a > 3 ? 1e9 : -1e9))
    for (let r = 0; r < rows.rows; r++) rows.values[2 * r] += rows.labels[r] === 1 ? 1 : -1
    const { model, slopes } = fitted(rows)
    expect(slopes.every(Number.isFinite)).toBe(true)
    expect(slopes[0]).toBeGreaterThan(1)
    expect(model.report(rows.values, rows.labels, rows.rows)).toEqual({ rank: 2, isSeparable: true })
  })

  test('where there is one class, or one row', () => {
    const all = drawn(500, 2, () => 1e9)
    const { intercept, slopes } = fitted(all)
    expect(intercept + 3 * slopes[0] + 3 * slopes[1]).toBeGreaterThan(3)
    expect(intercept).toBeLessThan(20)
    const { model } = fitted({ ...all, rows: 1 })
    expect(model.logit(all.values, 0)).toBeGreaterThan(0)
    expect(model.report(all.values, all.labels, 1)).toEqual({ rank: 0, isSeparable: true })
  })
})
