/**
 * From 32-bit hashes to locations: open addressing with linear probing. A slot is two u32, hash and location, so that a probe
 * touches one cache line; location 0 is an empty slot. An entry's home is given by its hash's high bits, so that slots lie
 * in the order of hashes, whatever the size of the table: `visitFrom` goes through them in slices while the table grows.
 *
 * It grows at ¾ full into a table of twice the size. The old one stays beside it, and each insertion carries over
 * `slotsMovedAtOnce` of its slots: no insertion waits for a copy of all.
 */

/** What a slot's location stands for. */
export interface KeyCheck {
  /** Whether the entry at `location` is that of `key` in `space`. */
  holds(location: number, space: number, key: string): boolean
}

const slotsMovedAtOnce = 16
/** In the old table: carried over or deleted; probes go on past it. */
const gone = 0xffffffff
const firstBits = 10

export class HashIndex {
  count = 0
  readonly #check: KeyCheck
  #slots = new Uint32Array(2 << firstBits)
  #shift = 32 - firstBits
  #mask = (1 << firstBits) - 1
  #old: Uint32Array | null = null
  /** Slots of the old table before this one are carried over. */
  #carried = 0

  constructor(check: KeyCheck) {
    this.#check = check
  }

  /** Of both tables while one grows into the other. */
  get sizeBytes(): number {
    return this.#slots.byteLength + (this.#old?.byteLength ?? 0)
  }

  /** The location in a hash's home slot, whosever entry that is, or 0. */
  atHome(hash: number): number {
    return this.#slots[2 * (hash >>> this.#shift) + 1]
  }

  /** The location of a key's entry, or 0. */
  find(hash: number, space: number, key: string): number {
    const slots = this.#slots
    const mask = this.#mask
    for (let i = hash >>> this.#shift; ; i = (i + 1) & mask) {
      const location = slots[2 * i + 1]
      if (location === 0) break
      if (slots[2 * i] === hash && this.#check.holds(location, space, key)) return location
    }
    return this.#old === null ? 0 : this.#findOld(this.#old, hash, space, key)
  }

  /** Carries over `slotsMovedAtOnce` slots: for reads too, so that a table which only grew to be read does not stay in two. */
  carry(): void {
    const old = this.#old
    if (old === null) return
    const end = Math.min(this.#carried + slotsMovedAtOnce, old.length / 2)
    for (let i = this.#carried; i < end; i++) {
      const location = old[2 * i + 1]
      if (location === 0 || location === gone) continue
      this.#place(old[2 * i], location)
      old[2 * i + 1] = gone
    }
    this.#carried = end
    if (end === old.length / 2) this.#old = null
  }

  /** Adds a location that is not held. */
  insert(hash: number, location: number): void {
    this.carry()
    if (this.count >= 0.75 * (this.#mask + 1)) this.#grow()
    this.#place(hash, location)
    this.count++
  }

  /** Gives an entry that is held another location. */
  relocate(hash: number, from: number, to: number): void {
    const place = this.#placeOf(hash, from)
    if (place >= 0) this.#slots[2 * place + 1] = to
    else this.#old![2 * this.#oldPlaceOf(hash, from) + 1] = to
  }

  /** Removes an entry that is held. */
  delete(hash: number, location: number): void {
    this.count--
    const place = this.#placeOf(hash, location)
    if (place >= 0) this.#close(place)
    else this.#old![2 * this.#oldPlaceOf(hash, location) + 1] = gone
  }

  /**
   * Visits entries in the order of their hashes, about `limit` of them, from hash `from` on. Entries that stay are visited
   * once, however the table grows between slices. `visit` must not change the index.
   *
   * @returns the hash to go on from, or null at the end
   */
  visitFrom(from: number, limit: number, visit: (location: number) => void): number | null {
    let left = limit
    for (let home = from >>> this.#shift; home <= this.#mask; home++) {
      // An empty home costs a step too, so that a slice of a sparse table is bounded.
      if (left <= 0) return (home << this.#shift) >>> 0
      left -= Math.max(1 / 8, this.#visitHome(home, visit))
    }
    return null
  }

  #visitHome(home: number, visit: (location: number) => void): number {
    let visited = 0
    const look = (slots: Uint32Array, start: number, mask: number) => {
      for (let i = start; slots[2 * i + 1] !== 0; i = (i + 1) & mask) {
        if (slots[2 * i] >>> this.#shift !== home || slots[2 * i + 1] === gone) continue
        visit(slots[2 * i + 1])
        visited++
      }
    }
    look(this.#slots, home, this.#mask)
    if (this.#old !== null) look(this.#old, home >>> 1, this.#mask >>> 1)
    return visited
  }

  #findOld(old: Uint32Array, hash: number, space: number, key: string): number {
    const mask = this.#mask >>> 1
    for (let i = hash >>> (this.#shift + 1); ; i = (i + 1) & mask) {
      const location = old[2 * i + 1]
      if (location === 0) return 0
      if (old[2 * i] === hash && location !== gone && this.#check.holds(location, space, key)) return location
    }
  }

  #place(hash: number, location: number): void {
    let i = hash >>> this.#shift
    while (this.#slots[2 * i + 1] !== 0) i = (i + 1) & this.#mask
    this.#slots[2 * i] = hash
    this.#slots[2 * i + 1] = location
  }

  #placeOf(hash: number, location: number): number {
    for (let i = hash >>> this.#shift; this.#slots[2 * i + 1] !== 0; i = (i + 1) & this.#mask) {
      if (this.#slots[2 * i + 1] === location) return i
    }
    return -1
  }

  #oldPlaceOf(hash: number, location: number): number {
    const mask = this.#mask >>> 1
    let i = hash >>> (this.#shift + 1)
    while (this.#old![2 * i + 1] !== location) i = (i + 1) & mask
    return i
  }

  /** Empties a slot and moves those behind it up where their probes would end at it. */
  #close(place: number): void {
    const slots = this.#slots
    const mask = this.#mask
    let free = place
    for (let i = (place + 1) & mask; slots[2 * i + 1] !== 0; i = (i + 1) & mask) {
      const home = slots[2 * i] >>> this.#shift
      if (((i - home) & mask) < ((i - free) & mask)) continue
      slots[2 * free] = slots[2 * i]
      slots[2 * free + 1] = slots[2 * i + 1]
      free = i
    }
    slots[2 * free + 1] = 0
  }

  #grow(): void {
    // Long carried over by now: ¾ of a table are inserted before it is full again, and each carries many.
    this.#old = this.#slots
    this.#carried = 0
    this.#slots = new Uint32Array(2 * this.#slots.length)
    this.#shift--
    this.#mask = 2 * this.#mask + 1
  }
}
