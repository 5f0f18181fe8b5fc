import { StoreError } from '../validation/errors.ts'

/**
 * What became of a row. `duplicate`: held already. `older`: what is held must not give way to it. `refused`: at fault, with
 * an error that says why. `forgotten`: it is of a time at which its user was forgotten, or before.
 */
export const appendOutcome = { written: 0, duplicate: 1, older: 2, refused: 3, forgotten: 4 } as const

export interface AppendResult {
  /** [rows] values of `appendOutcome`. */
  readonly outcomes: Uint8Array
  /** By row. */
  readonly refusals: readonly { readonly row: number; readonly error: StoreError }[]
}

/** The outcomes of a batch as they come to be known. */
export class RowOutcomes {
  readonly outcomes: Uint8Array
  readonly #refusals: { row: number; error: StoreError }[] = []

  constructor(rows: number) {
    this.outcomes = new Uint8Array(rows)
  }

  /** Runs what concerns a row; an error of the store's makes it a refused row. False where it was. */
  attempt(row: number, run: () => void): boolean {
    try {
      run()
      return true
    } catch (error) {
      this.refuse([row], error)
      return false
    }
  }

  /** @throws `error` where it is not the store's */
  refuse(rows: readonly number[], error: unknown): void {
    if (!(error instanceof StoreError)) throw error
    for (const row of rows) {
      this.outcomes[row] = appendOutcome.refused
      this.#refusals.push({ row, error })
    }
  }

  result(): AppendResult {
    return { outcomes: this.outcomes, refusals: this.#refusals.sort((a, b) => a.row - b.row) }
  }
}
