import type { ServedBatch } from '../served-batch.ts'
import type { ReadMessage } from '../wire/read-message.ts'

const maxSpare = 64
/** Of larger batches the memory would add up, and matters less than the work. */
const maxSpareUsers = 128

/** Memory of reads that have been answered, for those that come: most reads are alike, and its allocation costs as much as they do. */
export class SpareBatches {
  readonly #spare: ServedBatch[] = []

  /** One for a read like this, or undefined; what does not fit is let go, as reads have changed. */
  take({ users, models, latest }: ReadMessage): ServedBatch | undefined {
    const batch = this.#spare.pop()
    if (batch === undefined || batch.users.length !== users.length || batch.models.length !== models.length)
      return undefined
    for (let m = 0; m < models.length; m++) {
      const { model, latest: held } = batch.models[m]
      if (model !== models[m] || (held !== null) !== latest) return undefined
    }
    return batch
  }

  /** @param batch nobody looks at any more */
  give(batch: ServedBatch): void {
    if (this.#spare.length < maxSpare && batch.users.length <= maxSpareUsers) this.#spare.push(batch)
  }
}
