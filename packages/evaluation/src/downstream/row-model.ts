/** A downstream model that is computed on the processor, a row at a time. */
import type { AdagradBlock } from './adagrad.ts'
import type { DownstreamModel, DownstreamRows } from './rows.ts'

export abstract class RowModel implements DownstreamModel {
  #logits: number[] = []
  /** Values of the blocks at the last `hold`. */
  #held: Float32Array[] | null = null

  /** All of its parameters. */
  protected abstract readonly blocks: readonly AdagradBlock[]

  abstract logit(rows: DownstreamRows, row: number): number

  /** A step against the row's log loss. */
  abstract learn(rows: DownstreamRows, row: number): void

  async step(rows: DownstreamRows): Promise<void> {
    await this.predict(rows)
    await this.train(rows)
  }

  async predict(rows: DownstreamRows): Promise<void> {
    for (let row = 0; row < rows.rows; row++) this.#logits.push(this.logit(rows, row))
  }

  async train(rows: DownstreamRows): Promise<void> {
    for (let row = 0; row < rows.rows; row++) this.learn(rows, row)
  }

  hold(): void {
    this.#held = this.blocks.map(({ values }) => values.slice())
  }

  async predictHeld(rows: DownstreamRows): Promise<void> {
    this.#swap()
    await this.predict(rows)
    this.#swap()
  }

  async logits(): Promise<Float32Array> {
    const logits = Float32Array.from(this.#logits)
    this.#logits = []
    return logits
  }

  dispose(): void {}

  /** Puts held values into the blocks' place, and those back. */
  #swap(): void {
    if (this.#held === null) return
    this.#held = this.blocks.map((block, i) => {
      const { values } = block
      block.values = this.#held![i]
      return values
    })
  }
}

/** Ids of a row with the share that each has among those of its bag. */
export interface SharedId {
  readonly bag: number
  readonly id: number
  readonly share: number
}

/** @param maxValues of each bag */
export function idsOf(
  { item }: DownstreamRows,
  row: number,
  bags: readonly { readonly maxValues: number }[],
): SharedId[] {
  const all: SharedId[] = []
  for (const [bag, { maxValues }] of bags.entries()) {
    const { ids, lengths } = item.bags[bag]
    for (let i = 0; i < lengths[row]; i++) all.push({ bag, id: ids[row * maxValues + i], share: 1 / lengths[row] })
  }
  return all
}
