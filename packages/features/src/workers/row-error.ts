import { BatchError } from '../batch/side-batch.ts'
import { EventError } from '../events/event-values.ts'
import { StateError } from '../space/state-image.ts'

/** A row that cannot be encoded; `cause` is the StateError or EventError that encoding it on the spot throws. */
export class RowError extends Error {
  override readonly name = 'RowError'
  /** Its place among the rows of the call. */
  readonly row: number

  constructor(row: number, cause: Error) {
    super(`row ${row}: ${cause.message}`, { cause })
    this.row = row
  }
}

/** Rows that no worker encodes: the pool is closed, has too many calls under way, or lost the worker that had them. */
export class RowWorkersError extends Error {
  override readonly name = 'RowWorkersError'
  readonly reason: 'closed' | 'busy' | 'died'

  constructor(reason: 'closed' | 'busy' | 'died', message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.reason = reason
  }
}

/** An error as it travels between threads, which keep no classes. */
export type PlainError =
  | { readonly name: 'StateError'; readonly side: 'user' | 'item'; readonly reason: string }
  | { readonly name: 'EventError'; readonly row: number; readonly field: string; readonly reason: string }
  | { readonly name: 'BatchError' | 'Error'; readonly message: string }

export function plainError(error: unknown): PlainError {
  if (error instanceof StateError) return { name: error.name, side: error.side, reason: error.reason }
  if (error instanceof EventError) {
    return { name: error.name, row: error.row, field: error.field, reason: error.reason }
  }
  if (error instanceof BatchError) return { name: error.name, message: error.message }
  return { name: 'Error', message: error instanceof Error ? error.message : String(error) }
}

export function typedError(plain: PlainError): Error {
  switch (plain.name) {
    case 'StateError':
      return new StateError(plain.side, plain.reason)
    case 'EventError':
      return new EventError(plain.row, plain.field, plain.reason)
    case 'BatchError':
      return new BatchError(plain.message)
    case 'Error':
      return new Error(plain.message)
  }
}
