/**
 * What can be predicted without knowing anything of the user, from the labels of all steps before:
 *   base rate      π = (1 + positives) ÷ (2 + rows)
 *   popularity     (positives of the item + s π) ÷ (rows of the item + s)
 */
import type { SideLayout } from '@headwater/features'
import { RowModel } from './row-model.ts'
import type { DownstreamRows } from './rows.ts'

export class ItemCounts extends RowModel {
  /** It counts: there is nothing that could be held. */
  protected readonly blocks = []
  readonly #shrinkage: number
  /** Place of the item's own id among a row's values. */
  readonly #stride: number
  readonly #items: Float64Array
  readonly #positivesOfItems: Float64Array
  #rows = 0
  #positives = 0

  /** @param shrinkage s, rows; infinite: the base rate alone */
  constructor({ bags }: SideLayout, shrinkage: number) {
    super()
    const [item] = bags
    this.#shrinkage = shrinkage
    this.#stride = item.maxValues
    this.#items = new Float64Array(item.buckets)
    this.#positivesOfItems = new Float64Array(item.buckets)
  }

  logit({ item }: DownstreamRows, row: number): number {
    const base = (1 + this.#positives) / (2 + this.#rows)
    const id = item.bags[0].ids[row * this.#stride]
    // The item's own mean has the weight n ÷ (n + s), in a form that an infinite s leaves at 0.
    const own = 1 / (1 + this.#shrinkage / this.#items[id])
    const p = this.#items[id] === 0 ? base : base + own * (this.#positivesOfItems[id] / this.#items[id] - base)
    return Math.log(p / (1 - p))
  }

  learn({ item, labels }: DownstreamRows, row: number): void {
    const id = item.bags[0].ids[row * this.#stride]
    this.#items[id]++
    this.#positivesOfItems[id] += labels[row]
    this.#rows++
    this.#positives += labels[row]
  }

  override hold(): void {
    throw new TypeError('counts cannot be held: they predict by all that they have seen')
  }
}
