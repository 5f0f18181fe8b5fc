/**
 * Both towers in float64, row by row, straight from their formulas; it shares nothing with layers and kernels.
 * Shape letters: K embeddings of D, G dots, T tasks.
 */
import type { SideBatch, SideLayout } from '@headwater/features'
import type { TinyTower } from './tiny-towers.ts'

type Values = ReadonlyMap<string, Float64Array>

/** x W + b, W [in, out] */
function linear(values: Values, name: string, x: readonly number[]): number[] {
  const weight = values.get(`${name}.weight`)!
  const bias = values.get(`${name}.bias`)
  const outputs = weight.length / x.length
  return Array.from({ length: outputs }, (_, o) =>
    x.reduce((sum, value, i) => sum + value * weight[i * outputs + o], bias ? bias[o] : 0),
  )
}

const relu = (x: readonly number[]) => x.map((value) => Math.max(0, value))

const tableRow = (table: Float64Array, width: number, id: number) => [...table.subarray(id * width, (id + 1) * width)]

function sparseInputs(values: Values, side: string, layout: SideLayout, width: number, batch: SideBatch, r: number) {
  const D = layout.dense.length
  const x = [...batch.dense.subarray(r * D, (r + 1) * D)]
  while (x.length % 4 !== 0) x.push(0)
  for (const [i, bag] of layout.bags.entries()) {
    const mean = new Array<number>(width).fill(0)
    const length = batch.bags[i].lengths[r]
    for (let m = 0; m < length; m++)
      for (const [d, value] of tableRow(
        values.get(`${side}.${bag.name}`)!,
        width,
        batch.bags[i].ids[r * bag.maxValues + m],
      ).entries())
        mean[d] += value / length
    x.push(...mean)
  }
  const { sequence } = layout
  if (!sequence || !batch.sequence) return x
  const pooling = values.get(`${side}.sequence-pooling`)!
  const query = tableRow(pooling, width, sequence.channels)
  const tokens: number[][] = []
  for (let l = 0; l < batch.sequence.lengths[r]; l++) {
    const event = r * sequence.length + l
    const token = tableRow(values.get(`${side}.sequence`)!, width, batch.sequence.ids[event])
    for (let c = 0; c < sequence.channels; c++)
      for (let d = 0; d < width; d++)
        token[d] += batch.sequence.channels[event * sequence.channels + c] * pooling[c * width + d]
    tokens.push(token)
  }
  const powers = tokens.map((token) => Math.exp(token.reduce((sum, t, d) => sum + t * query[d], 0) / Math.sqrt(width)))
  const total = powers.reduce((a, b) => a + b, 0)
  for (let d = 0; d < width; d++) x.push(tokens.reduce((sum, token, l) => sum + (powers[l] / total) * token[d], 0))
  return x
}

function layerNorm(x: readonly number[]): number[] {
  const mean = x.reduce((a, b) => a + b, 0) / x.length
  const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length
  return x.map((value) => (value - mean) / Math.sqrt(variance + 1e-5))
}

/** The K · D numbers of one row's user embeddings. */
export function referenceEmbeddings(tower: TinyTower, values: Values, user: SideBatch, r: number): number[] {
  const { embeddings, width, sparseWidth } = tower.config
  const x = sparseInputs(values, 'user', tower.user, sparseWidth, user, r)
  const raw = linear(values, 'user.output', relu(linear(values, 'user.hidden', x)))
  return Array.from({ length: embeddings }, (_, k) => layerNorm(raw.slice(k * width, (k + 1) * width))).flat()
}

/** The T logits of one row. */
export function referenceLogits(
  tower: TinyTower,
  values: Values,
  user: SideBatch,
  item: SideBatch,
  r: number,
): number[] {
  const { dots, sparseWidth } = tower.config
  const e = referenceEmbeddings(tower, values, user, r)
  const x = sparseInputs(values, 'item', tower.item, sparseWidth, item, r)
  const v = linear(values, 'mix.item-vector', x)
  const size = e.length / dots
  const z = [...e]
  for (let g = 0; g < Math.ceil(dots / 4) * 4; g++) {
    let dot = 0
    if (g < dots) for (let i = g * size; i < (g + 1) * size; i++) dot += e[i] * v[i]
    z.push(dot)
  }
  const fromInteraction = linear(values, 'mix.from-interaction', z)
  const fromItem = linear(values, 'mix.from-item', x)
  return linear(values, 'mix.heads', relu(fromInteraction.map((value, i) => value + fromItem[i])))
}

/** Σ over rows and tasks of weight · cross-entropy. `labels` [R, T]. */
export function referenceLoss(
  tower: TinyTower,
  values: Values,
  batch: { user: SideBatch; item: SideBatch; labels: readonly number[] },
  taskWeights: readonly number[],
): number {
  let loss = 0
  for (let r = 0; r < batch.user.rows; r++)
    for (const [t, z] of referenceLogits(tower, values, batch.user, batch.item, r).entries()) {
      const p = 1 / (1 + Math.exp(-z))
      loss -= taskWeights[t] * (batch.labels[r * tower.tasks + t] ? Math.log(p) : Math.log(1 - p))
    }
  return loss
}
