import type { ServedBatch } from '@headwater/pooling'
import type { ReadMessage } from '../messages/read-message.ts'
import { AnswerMemory } from './answer-memory.ts'

const maxSpare = 64
/** Of larger batches the memory would add up, and matters less than the work. */
const maxSpareUsers = 128
/** Of all spare answers; those of 128 users and 192 values take 64 KiB each. */
const maxSpareAnswerBytes = 2 ** 23

/**
 * Memory of reads that have been answered, for those that come: most reads are alike, and its allocation costs as much as
 * they do. What typed arrays hold lies outside the collector's heap, but each 64 MiB of it has the collector go over the whole.
 */
export class SpareBatches {
  readonly #batches: ServedBatch[] = []
  readonly #answers: AnswerMemory[] = []
  #answerBytes = 0

  /** One for a read like this, or undefined; what does not fit is let go, as reads have changed. */
  takeBatch({ users, models, latest }: ReadMessage, halves: boolean): ServedBatch | undefined {
    const batch = this.#batches.pop()
    if (batch === undefined || batch.users.length !== users.length || batch.models.length !== models.length)
      return undefined
    for (let m = 0; m < models.length; m++) {
      const { model, latest: held, halves: heldHalves } = batch.models[m]
      if (model !== models[m] || (held !== null) !== latest || (heldHalves !== null) !== halves) return undefined
    }
    return batch
  }

  takeAnswer(): AnswerMemory {
    const answer = this.#answers.pop()
    if (answer === undefined) return new AnswerMemory()
    this.#answerBytes -= answer.sizeBytes
    return answer
  }

  /** @param batch nobody looks at any more; one of no model does not show what it was made for, and has no memory to spare */
  giveBatch(batch: ServedBatch): void {
    if (this.#batches.length >= maxSpare || batch.users.length > maxSpareUsers || batch.models.length === 0) return
    this.#batches.push(batch)
  }

  /** @param answer has gone */
  giveAnswer(answer: AnswerMemory): void {
    if (this.#answers.length >= maxSpare || this.#answerBytes + answer.sizeBytes > maxSpareAnswerBytes) return
    this.#answerBytes += answer.sizeBytes
    this.#answers.push(answer)
  }
}
