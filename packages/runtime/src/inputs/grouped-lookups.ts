/** Groups of up to this length are told apart when groups are put in order of length. */
const lengthClasses = 64

/**
 * The lookups of a batch in one table, grouped by table row as the row-wise Adagrad kernel reads them: groups of like
 * length side by side, the longest first, and those over `longest` lookups cut into chunks of that many.
 */
export class GroupedLookups {
  /** [j] = (row, lookups, begin, end); zeros behind the last group. */
  readonly groups: Uint32Array
  readonly sources: Uint32Array
  readonly weights: Float32Array
  /** Chunk c is lookups starts[c] … starts[c + 1]; empty behind the last chunk. */
  readonly chunkStarts: Uint32Array
  readonly longest: number
  /** Groups of more lookups are cut: 0 or `longest`. */
  readonly cutAbove: number
  /** Number of groups filled by the last `group`. */
  count = 0
  /** Number of lookups grouped by the last `group`. */
  lookups = 0
  readonly #groupOf: Int32Array
  readonly #rows: Uint32Array
  readonly #lengths: Uint32Array
  readonly #next: Uint32Array
  readonly #lookupRow: Uint32Array
  readonly #lookupSource: Uint32Array
  readonly #lookupWeight: Float32Array
  /** First place of each class of lengths. */
  readonly #places = new Uint32Array(lengthClasses + 1)
  readonly #order: Uint32Array

  /**
   * @param capacity lookups at most
   * @param tableRows rows of the table
   * @param longest lookups of a chunk at most, and of a group that is not cut into chunks
   * @param whole every group is made of chunks, the short ones too
   */
  constructor(capacity: number, tableRows: number, longest: number, whole = false) {
    this.longest = longest
    this.cutAbove = whole ? 0 : longest
    this.groups = new Uint32Array(capacity * 4)
    this.sources = new Uint32Array(capacity)
    this.weights = new Float32Array(capacity)
    const chunks = GroupedLookups.mostChunks(capacity, longest) + (whole ? Math.min(capacity, tableRows) : 0)
    this.chunkStarts = new Uint32Array(chunks + 1)
    this.#groupOf = new Int32Array(tableRows).fill(-1)
    this.#rows = new Uint32Array(capacity)
    this.#lengths = new Uint32Array(capacity)
    this.#next = new Uint32Array(capacity)
    this.#order = new Uint32Array(capacity)
    this.#lookupRow = new Uint32Array(capacity)
    this.#lookupSource = new Uint32Array(capacity)
    this.#lookupWeight = new Float32Array(capacity)
  }

  /** Chunks at most: a group of more than `longest` has less than twice as many as its lookups would fill. */
  static mostChunks(capacity: number, longest: number): number {
    return capacity > longest ? Math.floor((2 * capacity) / longest) : 0
  }

  clear(): void {
    this.lookups = 0
  }

  /** Table row `row` was looked up; `weight` · gradient row `source` belongs to it. */
  add(row: number, source: number, weight: number): void {
    const at = this.lookups++
    this.#lookupRow[at] = row
    this.#lookupSource[at] = source
    this.#lookupWeight[at] = weight
  }

  /** Sorts the lookups by group; the order within a group is that of `add`. */
  group(): void {
    this.#countLookups()
    this.#placeGroups()
    for (let i = 0; i < this.lookups; i++) {
      const at = this.#next[this.#groupOf[this.#lookupRow[i]]]++
      this.sources[at] = this.#lookupSource[i]
      this.weights[at] = this.#lookupWeight[i]
    }
    for (let j = 0; j < this.count; j++) this.#groupOf[this.#rows[j]] = -1
  }

  /** Numbers the rows in order of first appearance. */
  #countLookups(): void {
    const groupOf = this.#groupOf
    this.count = 0
    for (let i = 0; i < this.lookups; i++) {
      const row = this.#lookupRow[i]
      if (groupOf[row] < 0) {
        groupOf[row] = this.count
        this.#rows[this.count] = row
        this.#lengths[this.count++] = 0
      }
      this.#lengths[groupOf[row]]++
    }
  }

  /** Puts the groups in order of length, equal ones as they appeared, and lays their lookups and chunks out. */
  #placeGroups(): void {
    const classOf = (group: number) => lengthClasses - Math.min(this.#lengths[group], lengthClasses)
    const places = this.#places.fill(0)
    for (let g = 0; g < this.count; g++) places[classOf(g) + 1]++
    for (let c = 1; c < places.length; c++) places[c] += places[c - 1]
    const order = this.#order
    for (let g = 0; g < this.count; g++) order[places[classOf(g)]++] = g

    this.groups.fill(0, this.count * 4)
    this.chunkStarts.fill(0)
    let at = 0
    let chunk = 0
    for (let j = 0; j < this.count; j++) {
      const g = order[j]
      const length = this.#lengths[g]
      this.#next[g] = at
      const end = at + length
      const firstChunk = chunk
      const isCut = length > this.cutAbove
      if (isCut) for (; at < end; at += this.longest) this.chunkStarts[++chunk] = Math.min(at + this.longest, end)
      this.groups[j * 4] = this.#rows[g]
      this.groups[j * 4 + 1] = length
      this.groups[j * 4 + 2] = isCut ? firstChunk : end - length
      this.groups[j * 4 + 3] = isCut ? chunk : end
      at = end
    }
    this.chunkStarts.fill(this.chunkStarts[chunk], chunk + 1)
  }
}
