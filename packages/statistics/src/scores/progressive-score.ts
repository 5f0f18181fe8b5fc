import { requireLabel, requireProbability, requireRows } from '../sample/binary-data.ts'
import { StatisticsError } from '../sample/statistics-error.ts'
import { logLossOfProbability } from './log-loss.ts'
import { binaryEntropy } from './normalized-entropy.ts'

/** Normalized entropy and calibration of a stream, in constant memory: add each prediction before training on its row. */
export class ProgressiveScore {
  #rows = 0
  #positives = 0
  #predicted = 0
  #loss = 0

  /** @throws StatisticsError on a probability out of [0, 1] or a label other than 0 and 1. */
  add(probability: number, label: number): void {
    requireProbability(probability, this.#rows)
    requireLabel(label, this.#rows)
    this.#rows++
    this.#positives += label
    this.#predicted += probability
    this.#loss += logLossOfProbability(probability, label)
  }

  get rows(): number {
    return this.#rows
  }

  /** These throw StatisticsError while no row was added. */
  get baseRate(): number {
    return this.#positives / this.#rowsOrThrow()
  }

  get meanLogLoss(): number {
    return this.#loss / this.#rowsOrThrow()
  }

  /** @throws StatisticsError while rows of only one class were added. */
  get normalizedEntropy(): number {
    return this.meanLogLoss / binaryEntropy(this.baseRate)
  }

  /** Σp / Σy. @throws StatisticsError while no positive row was added. */
  get calibration(): number {
    if (this.#positives === 0) throw new StatisticsError('calibration Σp/Σy of no positive row is undefined')
    return this.#predicted / this.#positives
  }

  #rowsOrThrow(): number {
    requireRows('score', { length: this.#rows })
    return this.#rows
  }
}
