/** Receives the progress of a copy, a backup or a check. */
export interface TransferStages {
  /** @param total records of the stage as far as they are known; 0 where they are not */
  begin(stage: string, total: number): void
  /** @param done records of the stage so far */
  advance(done: number): void
  end(): void
}

export interface TransferOptions {
  readonly stages?: TransferStages
  /** Stops between two batches: what was written stays, and is durable. */
  readonly signal?: AbortSignal
}
