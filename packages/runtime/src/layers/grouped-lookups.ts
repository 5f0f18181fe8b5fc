/** The lookups of a batch in one table, grouped by table row as the row-wise Adagrad kernel reads them. */
export class GroupedLookups {
  readonly rows: Uint32Array
  readonly starts: Uint32Array
  readonly sources: Uint32Array
  readonly weights: Float32Array
  /** Number of groups filled by the last `group`. */
  groups = 0
  readonly #groupOf: Int32Array
  readonly #lookupRow: Uint32Array
  readonly #lookupSource: Uint32Array
  readonly #lookupWeight: Float32Array
  #lookups = 0

  /** @param capacity lookups at most, @param tableRows rows of the table. */
  constructor(capacity: number, tableRows: number) {
    this.rows = new Uint32Array(capacity)
    this.starts = new Uint32Array(capacity + 1)
    this.sources = new Uint32Array(capacity)
    this.weights = new Float32Array(capacity)
    this.#groupOf = new Int32Array(tableRows).fill(-1)
    this.#lookupRow = new Uint32Array(capacity)
    this.#lookupSource = new Uint32Array(capacity)
    this.#lookupWeight = new Float32Array(capacity)
  }

  clear(): void {
    this.#lookups = 0
  }

  /** Table row `row` was looked up; `weight` · gradient row `source` belongs to it. */
  add(row: number, source: number, weight: number): void {
    const at = this.#lookups++
    this.#lookupRow[at] = row
    this.#lookupSource[at] = source
    this.#lookupWeight[at] = weight
  }

  /** Sorts the lookups by group, groups in order of first appearance; the order within a group is that of `add`. */
  group(): void {
    const { rows, starts } = this
    const groupOf = this.#groupOf
    this.groups = 0
    starts.fill(0)
    for (let i = 0; i < this.#lookups; i++) {
      const row = this.#lookupRow[i]
      if (groupOf[row] < 0) {
        groupOf[row] = this.groups
        rows[this.groups++] = row
      }
      starts[groupOf[row] + 1]++
    }
    for (let j = 1; j < starts.length; j++) starts[j] += starts[j - 1]
    const next = starts.slice(0, this.groups)
    for (let i = 0; i < this.#lookups; i++) {
      const at = next[groupOf[this.#lookupRow[i]]]++
      this.sources[at] = this.#lookupSource[i]
      this.weights[at] = this.#lookupWeight[i]
    }
    for (let j = 0; j < this.groups; j++) groupOf[rows[j]] = -1
  }
}
