/**
 * A ranking model that reads the user's events itself, each by how it bears on the item to be ranked (DIN, Zhou et al. 2018):
 *   h_j = E[event j],  v = C[item],  z_j = ReLU([h_j | v | h_j ⊙ v] A + α),  a_j = z_j · β + γ
 *   u = Σ_j a_j h_j                                                          not normalized, as in DIN
 *   x = [item's dense | v | u | u ⊙ v];  logit = b + x · w + ReLU(x W + B) · ω + Σ_id w_id of the user and of the item's bags
 * It is given event ids in the served vector's place (`paddedEvents`). Shape letters: N events, d width, H and M hidden units.
 */
import type { SideLayout } from '@headwater/features'
import { AdagradBlock } from './adagrad.ts'
import { descend, dot, type Slope, sigmoid } from './gradients.ts'
import { idsOf, RowModel } from './row-model.ts'
import type { DownstreamRows } from './rows.ts'

export interface TargetAttentionOptions {
  readonly userBuckets: number
  /** N */
  readonly events: number
  readonly rate: number
  readonly penalty: number
  readonly seed: number
}

/** d, H and M */
const sizes = { width: 16, attention: 16, hidden: 16 } as const
const sd = 0.1

export class TargetAttention extends RowModel {
  protected readonly blocks: readonly AdagradBlock[]
  readonly #layout: SideLayout
  readonly #options: TargetAttentionOptions
  readonly #events: AdagradBlock
  readonly #candidates: AdagradBlock
  /** A [3 d, H] and α behind it. */
  readonly #attention: AdagradBlock
  /** [β | γ] */
  readonly #scores: AdagradBlock
  /** [w | W], [inputs, 1 + M], and [b | B] behind it. */
  readonly #first: AdagradBlock
  /** ω */
  readonly #last: AdagradBlock
  readonly #users: AdagradBlock
  readonly #ids: readonly AdagradBlock[]

  constructor(layout: SideLayout, options: TargetAttentionOptions) {
    super()
    const { width: d, attention, hidden } = sizes
    const { seed, userBuckets } = options
    const inputs = layout.dense.length + 3 * d
    const [items] = layout.bags
    const normal = (rows: number, width: number, first: number, place: number) =>
      new AdagradBlock(rows, width, first, seed * 127 + place)
    this.#layout = layout
    this.#options = options
    this.#events = normal(2 * items.buckets, d, sd, 0)
    this.#candidates = normal(items.buckets, d, sd, 1)
    this.#attention = normal(3 * d + 1, attention, 1 / Math.sqrt(3 * d), 2)
    this.#scores = normal(1, attention + 1, sd, 3)
    this.#first = normal(inputs + 1, 1 + hidden, 1 / Math.sqrt(inputs), 4)
    this.#last = normal(1, hidden, sd, 5)
    this.#users = normal(userBuckets, 1, 0, 0)
    this.#ids = layout.bags.map(({ buckets }) => normal(buckets, 1, 0, 0))
    this.#attention.values.fill(0, 3 * d * attention)
    this.#first.values.fill(0, inputs * (1 + hidden))
    for (let i = 0; i < inputs; i++) this.#first.values[i * (1 + hidden)] = 0
    this.blocks = [
      this.#events,
      this.#candidates,
      this.#attention,
      this.#scores,
      this.#first,
      this.#last,
      this.#users,
      ...this.#ids,
    ]
  }

  logit(rows: DownstreamRows, row: number): number {
    return this.#forward(rows, row).logit
  }

  learn(rows: DownstreamRows, row: number): void {
    descend(this.slopes(rows, row), this.#options.rate)
  }

  #forward(rows: DownstreamRows, row: number) {
    const { width: d, attention: H, hidden: M } = sizes
    const { dense } = this.#layout
    const { events: N } = this.#options
    const [E, C, A] = [this.#events.values, this.#candidates.values, this.#attention.values]
    const beta = this.#scores.values
    const item = rows.item.bags[0].ids[row * this.#layout.bags[0].maxValues]
    const v = C.subarray(item * d, (item + 1) * d)
    // What the item alone adds to every event's hidden units.
    const ofItem = Float64Array.from(A.subarray(3 * d * H))
    for (let i = 0; i < d; i++) for (let k = 0; k < H; k++) ofItem[k] += v[i] * A[(d + i) * H + k]
    const events: { readonly id: number; readonly z: Float64Array; readonly a: number }[] = []
    const u = new Float64Array(d)
    for (let j = 0; j < N && rows.vectors[row * N + j] > 0; j++) {
      const id = rows.vectors[row * N + j] - 1
      const z = ofItem.slice()
      for (let i = 0; i < d; i++) {
        const h = E[id * d + i]
        for (let k = 0; k < H; k++) z[k] += h * (A[i * H + k] + v[i] * A[(2 * d + i) * H + k])
      }
      for (let k = 0; k < H; k++) z[k] = Math.max(0, z[k])
      const a = beta[H] + dot(beta, 0, z, 0, H)
      for (let i = 0; i < d; i++) u[i] += a * E[id * d + i]
      events.push({ id, z, a })
    }
    const n = dense.length
    const x = new Float64Array(n + 3 * d)
    x.set(rows.item.dense.subarray(row * n, (row + 1) * n))
    for (let i = 0; i < d; i++) {
      x[n + i] = v[i]
      x[n + d + i] = u[i]
      x[n + 2 * d + i] = u[i] * v[i]
    }
    const F = this.#first.values
    const hidden = Float64Array.from(F.subarray(x.length * (1 + M)))
    for (let i = 0; i < x.length; i++) {
      if (x[i] === 0) continue
      for (let k = 0; k <= M; k++) hidden[k] += x[i] * F[i * (1 + M) + k]
    }
    let logit = hidden[0] + this.#users.values[rows.users[row]]
    for (let k = 1; k <= M; k++) logit += Math.max(0, hidden[k]) * this.#last.values[k - 1]
    for (const { bag, id, share } of idsOf(rows, row, this.#layout.bags)) logit += share * this.#ids[bag].values[id]
    return { item, v, u, events, x, hidden, logit }
  }

  /** Of a row's log loss. */
  slopes(rows: DownstreamRows, row: number): Slope[] {
    const { width: d, attention: H, hidden: M } = sizes
    const { penalty } = this.#options
    const { item, v, u, events, x, hidden, logit } = this.#forward(rows, row)
    const error = sigmoid(logit) - rows.labels[row]
    const [E, A, beta, F] = [this.#events.values, this.#attention.values, this.#scores.values, this.#first.values]
    const own = Float64Array.of(error)
    const slopes: Slope[] = [
      { block: this.#users, row: rows.users[row], gradient: own, factor: 1, penalty },
      ...idsOf(rows, row, this.#layout.bags).map(({ bag, id, share }) => {
        return { block: this.#ids[bag], row: id, gradient: own, factor: share, penalty }
      }),
    ]
    const ofHidden = Float64Array.from(hidden, (value, k) => {
      if (k === 0) return error
      return value > 0 ? error * this.#last.values[k - 1] : 0
    })
    const ofLast = Float64Array.from({ length: M }, (_, k) => error * Math.max(0, hidden[k + 1]))
    slopes.push({ block: this.#last, row: 0, gradient: ofLast, factor: 1, penalty: 0 })
    for (const [i, factor] of [...x, 1].entries())
      if (factor !== 0) slopes.push({ block: this.#first, row: i, gradient: ofHidden, factor, penalty: 0 })
    const n = x.length - 3 * d
    const ofX = (i: number) => dot(F, (n + i) * (1 + M), ofHidden, 0, 1 + M)
    const ofU = Float64Array.from({ length: d }, (_, i) => ofX(d + i) + v[i] * ofX(2 * d + i))
    const ofV = Float64Array.from({ length: d }, (_, i) => ofX(i) + u[i] * ofX(2 * d + i))

    const ofA = Array.from({ length: 3 * d + 1 }, () => new Float64Array(H))
    const ofBeta = new Float64Array(H + 1)
    for (const { id, z, a } of events) {
      const h = E.subarray(id * d, (id + 1) * d)
      const ofScore = dot(ofU, 0, h, 0, d)
      for (let k = 0; k < H; k++) ofBeta[k] += ofScore * z[k]
      ofBeta[H] += ofScore
      const ofZ = Float64Array.from(z, (value, k) => (value > 0 ? ofScore * beta[k] : 0))
      const ofH = ofU.map((value) => a * value)
      for (let i = 0; i < d; i++) {
        const ofProduct = dot(A, (2 * d + i) * H, ofZ, 0, H)
        ofH[i] += dot(A, i * H, ofZ, 0, H) + v[i] * ofProduct
        ofV[i] += dot(A, (d + i) * H, ofZ, 0, H) + h[i] * ofProduct
        for (let k = 0; k < H; k++) {
          ofA[i][k] += h[i] * ofZ[k]
          ofA[d + i][k] += v[i] * ofZ[k]
          ofA[2 * d + i][k] += h[i] * v[i] * ofZ[k]
        }
      }
      for (let k = 0; k < H; k++) ofA[3 * d][k] += ofZ[k]
      slopes.push({ block: this.#events, row: id, gradient: ofH, factor: 1, penalty: 0 })
    }
    slopes.push({ block: this.#candidates, row: item, gradient: ofV, factor: 1, penalty })
    if (events.length === 0) return slopes
    slopes.push({ block: this.#scores, row: 0, gradient: ofBeta, factor: 1, penalty: 0 })
    for (const [i, gradient] of ofA.entries())
      slopes.push({ block: this.#attention, row: i, gradient, factor: 1, penalty: 0 })
    return slopes
  }
}
