/**
 * A binary heap whose items know their places, so that any of them is taken out in O(log n). An item may be in two heaps,
 * each of which keeps the place under a name of its own; −1: not in it.
 */
export class IndexedHeap<Place extends string, Item extends Record<Place, number>> {
  readonly #items: Item[] = []
  readonly #place: Place
  readonly #isBefore: (a: Item, b: Item) => boolean

  constructor(place: Place, isBefore: (a: Item, b: Item) => boolean) {
    this.#place = place
    this.#isBefore = isBefore
  }

  get size(): number {
    return this.#items.length
  }

  get first(): Item | undefined {
    return this.#items[0]
  }

  push(item: Item): void {
    this.#items.push(item)
    this.#rise(item, this.#items.length - 1)
  }

  remove(item: Item): void {
    const place = item[this.#place]
    const last = this.#items.pop()!
    this.#put(item, -1)
    if (last === item) return
    if (place > 0 && this.#isBefore(last, this.#items[(place - 1) >> 1])) this.#rise(last, place)
    else this.#sink(last, place)
  }

  #rise(item: Item, from: number): void {
    let at = from
    while (at > 0) {
      const above = this.#items[(at - 1) >> 1]
      if (!this.#isBefore(item, above)) break
      this.#put(above, at)
      at = (at - 1) >> 1
    }
    this.#put(item, at)
  }

  #sink(item: Item, from: number): void {
    let at = from
    for (;;) {
      let below = 2 * at + 1
      if (below >= this.#items.length) break
      if (below + 1 < this.#items.length && this.#isBefore(this.#items[below + 1], this.#items[below])) below++
      if (!this.#isBefore(this.#items[below], item)) break
      this.#put(this.#items[below], at)
      at = below
    }
    this.#put(item, at)
  }

  /** @param at −1: out of the heap */
  #put(item: Item, at: number): void {
    if (at >= 0) this.#items[at] = item
    ;(item as Record<Place, number>)[this.#place] = at
  }
}
