/** The least that a slab can be: records of one size, never removed, no growth, no versions. */
export class BareSlab {
  readonly #slots: Uint32Array
  readonly #segments: Uint8Array[] = []
  readonly #recordBytes: number
  readonly #stride: number
  readonly #perSegment: number
  #count = 0

  constructor(recordBytes: number, capacity: number) {
    this.#slots = new Uint32Array(2 * 2 ** Math.ceil(Math.log2(1.5 * capacity)))
    this.#recordBytes = recordBytes
    this.#stride = recordBytes + 16
    this.#perSegment = Math.floor(2 ** 22 / this.#stride)
  }

  put(key: string, record: Uint8Array): void {
    const mask = this.#slots.length / 2 - 1
    const hash = hashOf(key)
    let slot = hash & mask
    while (this.#slots[2 * slot + 1] !== 0) slot = (slot + 1) & mask
    const place = this.#count++
    if (place % this.#perSegment === 0) this.#segments.push(new Uint8Array(this.#perSegment * this.#stride))
    const segment = this.#segments[Math.floor(place / this.#perSegment)]
    const at = (place % this.#perSegment) * this.#stride
    for (let i = 0; i < key.length; i++) segment[at + i] = key.charCodeAt(i)
    segment.set(record.subarray(0, this.#recordBytes), at + 16)
    this.#slots[2 * slot] = hash
    this.#slots[2 * slot + 1] = place + 1
  }

  /** Copies as many of the record's bytes as `into` has. */
  get(key: string, into: Uint8Array): boolean {
    const mask = this.#slots.length / 2 - 1
    const hash = hashOf(key)
    for (let slot = hash & mask; this.#slots[2 * slot + 1] !== 0; slot = (slot + 1) & mask) {
      if (this.#slots[2 * slot] !== hash) continue
      const place = this.#slots[2 * slot + 1] - 1
      const segment = this.#segments[Math.floor(place / this.#perSegment)]
      const at = (place % this.#perSegment) * this.#stride
      let i = 0
      while (i < key.length && segment[at + i] === key.charCodeAt(i)) i++
      if (i < key.length) continue
      into.set(segment.subarray(at + 16, at + 16 + into.length))
      return true
    }
    return false
  }
}

function hashOf(key: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return (hash ^ (hash >>> 15)) >>> 0
}
