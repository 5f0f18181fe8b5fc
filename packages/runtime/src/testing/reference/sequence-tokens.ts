/**
 * Tokens of one row's event sequence in float64. Shape letters: d token width, C channels, M pooled tokens; a row here has
 * the l events that it has, without empty places.
 */

import type { SequenceConfig } from '../../config/config.ts'

type Values = ReadonlyMap<string, Float64Array>

export interface ReferenceEvent {
  readonly id: number
  readonly channels: readonly number[]
  readonly categories: readonly number[]
}

const rowOf = (table: Float64Array, width: number, row: number) => [...table.subarray(row * width, (row + 1) * width)]

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i], 0)

const sum = (a: readonly number[], b: readonly number[]) => a.map((value, i) => value + b[i])

function softmax(scores: readonly number[]): number[] {
  const powers = scores.map((score) => Math.exp(score - Math.max(...scores)))
  const total = powers.reduce((a, b) => a + b, 0)
  return powers.map((power) => power / total)
}

/** Σ weight · vector */
function weighted(weights: readonly number[], vectors: readonly (readonly number[])[], width: number): number[] {
  return Array.from({ length: width }, (_, i) =>
    vectors.reduce((total, vector, l) => total + weights[l] * vector[i], 0),
  )
}

function linear(values: Values, name: string, x: readonly number[]): number[] {
  const weight = values.get(`${name}.weight`)!
  const bias = values.get(`${name}.bias`)!
  return Array.from(bias, (start, o) =>
    x.reduce((total, value, i) => total + value * weight[i * bias.length + o], start),
  )
}

function layerNorm(values: Values, name: string, x: readonly number[]): number[] {
  const gain = values.get(`${name}.gain`)!
  const shift = values.get(`${name}.shift`)!
  const mean = x.reduce((a, b) => a + b, 0) / x.length
  const variance = x.reduce((total, value) => total + (value - mean) ** 2, 0) / x.length
  return x.map((value, i) => ((value - mean) / Math.sqrt(variance + 1e-5)) * gain[i] + shift[i])
}

const gelu = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))

/** A pre-norm transformer block over the events `h` of one row. */
function referenceTransformerBlock(
  values: Values,
  name: string,
  heads: number,
  h: readonly (readonly number[])[],
): number[][] {
  const width = h[0]?.length ?? 0
  const size = width / heads
  const projected = h.map((x) => linear(values, `${name}.projection`, layerNorm(values, `${name}.attention-norm`, x)))
  const headOf = (l: number, part: number, head: number) =>
    projected[l].slice(part * width + head * size, part * width + (head + 1) * size)
  const attended = h.map((x, i) => {
    const y: number[] = []
    for (let head = 0; head < heads; head++) {
      const query = headOf(i, 0, head)
      const weights = softmax(h.map((_, j) => dot(query, headOf(j, 1, head)) / Math.sqrt(size)))
      y.push(
        ...weighted(
          weights,
          h.map((_, j) => headOf(j, 2, head)),
          size,
        ),
      )
    }
    return sum(x, linear(values, `${name}.attention`, y))
  })
  return attended.map((x) => {
    const hidden = linear(values, `${name}.hidden`, layerNorm(values, `${name}.hidden-norm`, x)).map(gelu)
    return sum(x, linear(values, `${name}.output`, hidden))
  })
}

/** @returns (pooled + recent + sums) · d numbers; `name` is that of the table of items, `user.sequence`. */
export function referenceSequenceTokens(
  values: Values,
  name: string,
  config: SequenceConfig,
  width: number,
  categories: readonly string[],
  events: readonly ReferenceEvent[],
  { channels, weights }: { readonly channels: number; readonly weights: number },
): number[] {
  // Without channels and pooled tokens there is none, nor where sums are all that there is.
  const pooling = values.get(`${name}.pooling`) ?? new Float64Array()
  const v = events.map((event) => {
    const rows = categories.map((category, k) => rowOf(values.get(`${name}.${category}`)!, width, event.categories[k]))
    return rows.reduce(sum, rowOf(values.get(name)!, width, event.id))
  })
  const sums = Array.from({ length: config.sums ? weights : 0 }, (_, w) => {
    const byWeight = events.map((event) => 8 * event.channels[channels - weights + w])
    return weighted(byWeight, v, width)
  })
  if (config.pooled + config.recent === 0) return sums.flat()
  let h = events.map((event, l) =>
    v[l].map((value, i) =>
      event.channels.reduce((total, channel, c) => total + channel * pooling[c * width + i], value),
    ),
  )
  for (let block = 0; block < config.blocks; block++)
    h = referenceTransformerBlock(values, `${name}.block${block + 1}`, config.heads, h)
  const tokens: number[] = []
  for (let m = 0; m < config.pooled; m++) {
    const query = rowOf(pooling, width, channels + m)
    tokens.push(...weighted(softmax(h.map((x) => dot(x, query) / Math.sqrt(width))), h, width))
  }
  for (let j = 0; j < config.recent; j++) tokens.push(...(h[h.length - 1 - j] ?? new Array<number>(width).fill(0)))
  tokens.push(...sums.flat())
  return tokens
}
