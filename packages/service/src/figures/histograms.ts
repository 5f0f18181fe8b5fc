/** Histograms that are counted on the hot path and written out at the scrape. B upper bounds. */
import type { Family, Sample } from './figures.ts'

/** One histogram's counts: no allocation, no look-up of labels. */
export class BucketCounts {
  readonly bounds: Float64Array
  /** [B + 1] values in each bucket alone; the last is beyond all bounds. */
  readonly counts: Float64Array
  sum = 0

  constructor(bounds: Float64Array) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  add(value: number): void {
    const { bounds } = this
    let bucket = 0
    while (bucket < bounds.length && value > bounds[bucket]) bucket++
    this.counts[bucket]++
    this.sum += value
  }

  /** All values that are no NaN, each times `scale`. */
  addAll(values: Float64Array, scale: number): void {
    for (let i = 0; i < values.length; i++) if (!Number.isNaN(values[i])) this.add(values[i] * scale)
  }
}

interface Member {
  readonly labels: Readonly<Record<string, string>>
  /** Their sums are shown. */
  readonly parts: BucketCounts[]
}

/** Histograms of one name, one for each combination of labels that was asked for. */
export class Histograms implements Family {
  readonly type = 'histogram'
  readonly name: string
  readonly help: string
  readonly #labels: readonly string[]
  readonly #bounds: Float64Array
  /** By the values of their labels. */
  readonly #members = new Map<string, Member>()

  /** @param bounds [B] ascending */
  constructor(name: string, help: string, bounds: readonly number[], labels: readonly string[] = []) {
    this.name = name
    this.help = help
    this.#labels = labels
    this.#bounds = Float64Array.from(bounds)
  }

  /** The one of these labels' values, in the order of their names. Where each nanosecond counts keep it. */
  of(...values: readonly string[]): BucketCounts {
    return this.#memberOf(values).parts[0] ?? this.part(...values)
  }

  /** One more of these labels' values, a tenant's say, which is shown in the sum of them. */
  part(...values: readonly string[]): BucketCounts {
    const counts = new BucketCounts(this.#bounds)
    this.#memberOf(values).parts.push(counts)
    return counts
  }

  #memberOf(values: readonly string[]): Member {
    const key = values.join('\0')
    const known = this.#members.get(key)
    if (known !== undefined) return known
    const member = { labels: Object.fromEntries(this.#labels.map((name, i) => [name, values[i]])), parts: [] }
    this.#members.set(key, member)
    return member
  }

  samples(): readonly Sample[] {
    const { name } = this
    return [...this.#members.values()].flatMap(({ labels, parts }) => {
      let below = 0
      const sum = parts.reduce((total, part) => total + part.sum, 0)
      const buckets = Array.from({ length: this.#bounds.length + 1 }, (_, i) => {
        for (const { counts } of parts) below += counts[i]
        const le = i < this.#bounds.length ? String(this.#bounds[i]) : '+Inf'
        return { name: `${name}_bucket`, labels: { ...labels, le }, value: below }
      })
      return [...buckets, { name: `${name}_sum`, labels, value: sum }, { name: `${name}_count`, labels, value: below }]
    })
  }
}
