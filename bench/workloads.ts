/**
 * What `bench:peers` compares: operations with sizes and inputs, and float64 values of some outputs, so that nobody's
 * garbage is timed. Shape letters: B batch, M N K of a matrix product, L tokens, H heads, D width, R rows, V table rows.
 */
import { seededRandom } from '@headwater/statistics'

export interface MatmulWork {
  readonly kind: 'matmul'
  readonly B: number
  readonly M: number
  readonly N: number
  readonly K: number
  /** A is stored [K, M]. */
  readonly transposeA: boolean
}

/** q, k, v [B, L, H, D]; keys from `lengths[b]` on are masked; softmax(q·kᵀ / √D)·v. */
export interface AttentionWork {
  readonly kind: 'attention' | 'attention-backward'
  readonly B: number
  readonly L: number
  readonly H: number
  readonly D: number
  /** Fewest tokens of a sequence; the lengths are uniform from here to L. */
  readonly shortest: number
}

export interface RowsWork {
  readonly kind: 'layer-norm'
  readonly R: number
  readonly D: number
}

/** The mean of `ids` rows of a table, for each of R bags. */
export interface GatherWork {
  readonly kind: 'gather'
  readonly R: number
  readonly ids: number
  readonly D: number
  readonly V: number
}

export interface AdamwWork {
  readonly kind: 'adamw'
  readonly parameters: number
}

/** gelu(x·w + bias), by the tanh formula. */
export interface LinearGeluWork {
  readonly kind: 'linear-gelu'
  readonly M: number
  readonly N: number
  readonly K: number
}

export type Work = MatmulWork | AttentionWork | RowsWork | GatherWork | AdamwWork | LinearGeluWork

export interface Workload<W extends Work = Work> {
  readonly name: string
  readonly work: W
  readonly inputs: { readonly [name: string]: Float32Array | Int32Array }
}

/** An operation that is still without inputs: those of all together would fill hundreds of megabytes. */
export interface PlannedWorkload {
  readonly name: string
  readonly work: Work
  /** How many times as fast as the best peer it has to be. */
  readonly bound?: number
}

export const layerNormEpsilon = 1e-5
export const adamwRates = { learning: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.01, step: 3 } as const

const matrix = (name: string, M: number, N: number, K: number, more: Partial<MatmulWork> = {}): PlannedWorkload => ({
  name: `matmul ${name}`,
  work: { kind: 'matmul', B: 1, M, N, K, transposeA: false, ...more },
  bound: 3,
})
const attention = { B: 256, L: 64, H: 4, D: 16 } as const

export const workloads: readonly PlannedWorkload[] = [
  matrix('256³', 256, 256, 256),
  matrix('512³', 512, 512, 512),
  matrix('1024³', 1024, 1024, 1024),
  matrix('2048×192 · 192×192', 2048, 192, 192),
  matrix('8192×96 · 96×96', 8192, 96, 96),
  matrix('2048×1536 · 1536×192', 2048, 192, 1536),
  matrix('512 × (64×96 · 96×16)', 64, 16, 96, { B: 512 }),
  matrix('dW 192×2048 · 2048×192', 192, 192, 2048, { transposeA: true }),
  { name: 'attention, all 64 long', work: { kind: 'attention', ...attention, shortest: 64 }, bound: 3 },
  { name: 'attention, 1–64 long', work: { kind: 'attention', ...attention, shortest: 1 }, bound: 3 },
  { name: 'attention backward, all 64 long', work: { kind: 'attention-backward', ...attention, shortest: 64 } },
  { name: 'attention backward, 1–64 long', work: { kind: 'attention-backward', ...attention, shortest: 1 } },
  { name: 'layer norm 2048×192', work: { kind: 'layer-norm', R: 2048, D: 192 }, bound: 1.5 },
  { name: 'layer norm 8192×96', work: { kind: 'layer-norm', R: 8192, D: 96 }, bound: 1.5 },
  { name: 'gather mean 2048×16 of 100k×32', work: { kind: 'gather', R: 2048, ids: 16, D: 32, V: 100_000 }, bound: 1.5 },
  { name: 'AdamW, 1M parameters', work: { kind: 'adamw', parameters: 1_000_000 }, bound: 1.5 },
  { name: 'linear + bias + GELU 2048×192 · 192×192', work: { kind: 'linear-gelu', M: 2048, N: 192, K: 192 } },
  // The feed-forward step of a transformer block on 128 sequences of 64 tokens.
  { name: 'linear + bias + GELU 8192×96 · 96×384', work: { kind: 'linear-gelu', M: 8192, N: 384, K: 96 } },
]

/** Draws the inputs of an operation; the same every time. */
export function withInputs({ name, work }: PlannedWorkload): Workload {
  const random = seededRandom(1)
  const floats = (count: number) => Float32Array.from({ length: count }, () => random.nextFloat() * 2 - 1)
  const positive = (count: number) => floats(count).map((x) => Math.abs(x) + 1e-3)
  const below = (count: number, limit: number, from = 0) =>
    Int32Array.from({ length: count }, () => from + Math.floor(random.nextFloat() * (limit - from)))
  switch (work.kind) {
    case 'matmul':
      return {
        name,
        work,
        inputs: { a: floats(work.B * work.M * work.K), b: floats(work.B * work.K * work.N) },
      }
    case 'attention':
    case 'attention-backward': {
      const { B, L, H, D, shortest } = work
      const [q, k, v, dy] = [0, 0, 0, 0].map(() => floats(B * L * H * D))
      const lengths = below(B, L + 1, shortest)
      // Nothing depends on what stands behind a sequence, so no gradient comes from there either.
      for (let i = 0; i < dy.length; i++) {
        const b = Math.floor(i / (L * H * D))
        if (Math.floor(i / (H * D)) % L >= lengths[b]) dy[i] = 0
      }
      return { name, work, inputs: { q, k, v, dy, lengths } }
    }
    case 'layer-norm':
      return { name, work, inputs: { x: floats(work.R * work.D), gain: floats(work.D), shift: floats(work.D) } }
    case 'gather':
      return {
        name,
        work,
        inputs: { table: floats(work.V * work.D), ids: below(work.R * work.ids, work.V) },
      }
    case 'adamw': {
      const n = work.parameters
      return { name, work, inputs: { values: floats(n), gradient: floats(n), first: floats(n), second: positive(n) } }
    }
    case 'linear-gelu':
      return { name, work, inputs: { x: floats(work.M * work.K), w: floats(work.K * work.N), bias: floats(work.N) } }
  }
}

/** Values of an output, in float64, at some places; `tolerance` allows for float32 and the order of sums. */
export interface Sample {
  readonly indices: readonly number[]
  readonly values: readonly number[]
  readonly tolerance: number
}

const sampledRows = 48

/** Spread over the rows by a step that shares no factor with usual sizes. */
const someOf = (count: number) => Array.from({ length: Math.min(count, sampledRows) }, (_, i) => (i * 7919 + 3) % count)

const gelu = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))

/**
 * Some values of what an operation gives, for the outputs in the order and layout that contestants return them:
 * attention backward gives dq, dk and dv one behind the other, AdamW the new values.
 */
export function sample({ work, inputs }: Workload): Sample {
  const indices: number[] = []
  const values: number[] = []
  const add = (index: number, value: number) => {
    indices.push(index)
    values.push(value)
  }
  switch (work.kind) {
    case 'matmul': {
      const { B, M, N, K, transposeA } = work
      const { a, b } = inputs
      for (const index of someOf(B * M * N)) {
        const [n, m, batch] = [index % N, Math.floor(index / N) % M, Math.floor(index / (M * N))]
        let sum = 0
        for (let k = 0; k < K; k++)
          sum += a[batch * M * K + (transposeA ? k * M + m : m * K + k)] * b[batch * K * N + k * N + n]
        add(index, sum)
      }
      return { indices, values, tolerance: 1e-5 * Math.sqrt(K) }
    }
    case 'attention':
    case 'attention-backward':
      for (const b of someOf(work.B).slice(0, 4)) for (let h = 0; h < work.H; h++) sampleHead(work, inputs, b, h, add)
      return { indices, values, tolerance: 2e-5 }
    case 'layer-norm':
      for (const r of someOf(work.R)) {
        const row = [...inputs.x.subarray(r * work.D, (r + 1) * work.D)]
        const mean = row.reduce((sum, x) => sum + x, 0) / work.D
        const variance = row.reduce((sum, x) => sum + (x - mean) ** 2, 0) / work.D
        for (const [d, x] of row.entries())
          add(r * work.D + d, ((x - mean) / Math.sqrt(variance + layerNormEpsilon)) * inputs.gain[d] + inputs.shift[d])
      }
      return { indices, values, tolerance: 2e-5 }
    case 'gather':
      for (const r of someOf(work.R))
        for (let d = 0; d < work.D; d++) {
          let sum = 0
          for (let i = 0; i < work.ids; i++) sum += inputs.table[inputs.ids[r * work.ids + i] * work.D + d]
          add(r * work.D + d, sum / work.ids)
        }
      return { indices, values, tolerance: 1e-6 }
    case 'adamw': {
      const { learning, beta1, beta2, epsilon, decay, step } = adamwRates
      for (const i of someOf(work.parameters)) {
        const first = beta1 * inputs.first[i] + (1 - beta1) * inputs.gradient[i]
        const second = beta2 * inputs.second[i] + (1 - beta2) * inputs.gradient[i] ** 2
        const change = first / (1 - beta1 ** step) / (Math.sqrt(second / (1 - beta2 ** step)) + epsilon)
        add(i, inputs.values[i] * (1 - learning * decay) - learning * change)
      }
      return { indices, values, tolerance: 1e-6 }
    }
    case 'linear-gelu':
      for (const index of someOf(work.M * work.N)) {
        const [n, m] = [index % work.N, Math.floor(index / work.N)]
        let sum = inputs.bias[n]
        for (let k = 0; k < work.K; k++) sum += inputs.x[m * work.K + k] * inputs.w[k * work.N + n]
        add(index, gelu(sum))
      }
      return { indices, values, tolerance: 2e-4 }
  }
}

/** One head of one sequence, forward or backward; only its real tokens. */
function sampleHead(
  { kind, B, L, H, D }: AttentionWork,
  { q, k, v, dy, lengths }: Workload['inputs'],
  b: number,
  h: number,
  add: (index: number, value: number) => void,
): void {
  const length = lengths[b]
  const at = (l: number, d: number) => ((b * L + l) * H + h) * D + d
  const tokens = Array.from({ length }, (_, l) => l)
  const widths = Array.from({ length: D }, (_, d) => d)
  const dot = (x: Float32Array | Int32Array, i: number, y: Float32Array | Int32Array, j: number) =>
    widths.reduce((sum, d) => sum + x[at(i, d)] * y[at(j, d)], 0)
  const weights = tokens.map((i) => {
    const powers = tokens.map((j) => Math.exp(dot(q, i, k, j) / Math.sqrt(D)))
    const sum = powers.reduce((x, y) => x + y)
    return powers.map((power) => power / sum)
  })
  if (kind === 'attention') {
    for (const i of tokens)
      for (const d of widths)
        add(
          at(i, d),
          tokens.reduce((sum, j) => sum + weights[i][j] * v[at(j, d)], 0),
        )
    return
  }
  const dScores = tokens.map((i) => {
    const dWeights = tokens.map((j) => dot(dy, i, v, j))
    const mean = tokens.reduce((sum, j) => sum + weights[i][j] * dWeights[j], 0)
    return tokens.map((j) => (weights[i][j] * (dWeights[j] - mean)) / Math.sqrt(D))
  })
  const size = B * L * H * D
  for (const i of tokens)
    for (const d of widths) {
      add(
        at(i, d),
        tokens.reduce((sum, j) => sum + dScores[i][j] * k[at(j, d)], 0),
      )
      add(
        size + at(i, d),
        tokens.reduce((sum, j) => sum + dScores[j][i] * q[at(j, d)], 0),
      )
      add(
        2 * size + at(i, d),
        tokens.reduce((sum, j) => sum + weights[j][i] * dy[at(j, d)], 0),
      )
    }
}

/** @throws Error where a value differs from the float64 one by more than float32 explains. */
export function checkSample(
  who: string,
  name: string,
  got: Float32Array,
  { indices, values, tolerance }: Sample,
): void {
  for (const [i, index] of indices.entries())
    if (!(Math.abs(got[index] - values[i]) <= tolerance * (1 + Math.abs(values[i]))))
      throw new Error(`${who} computes ${name} wrongly: output ${index} is ${got[index]}, float64 says ${values[i]}.`)
}
