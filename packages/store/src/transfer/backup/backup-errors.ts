import { StoreAccessError, StoreCorruptError } from '../../validation/errors.ts'

/** A backup that is cut short, damaged, or no backup at all. Nothing was restored from it. */
export class BackupDamageError extends StoreCorruptError {
  /** Byte of the file at which it does not hold together. */
  readonly atByte: number

  constructor(path: string, atByte: number, what: string) {
    super(`backup ${path}: ${what} (byte ${atByte}); nothing was written; copy the file again or use another backup`)
    this.atByte = atByte
  }
}

/** A backup file that cannot be read or written. */
export class BackupAccessError extends StoreAccessError {
  constructor(path: string, verb: 'read' | 'written', cause: unknown) {
    const why = (cause as NodeJS.ErrnoException).code ?? String(cause)
    super(`backup ${path} cannot be ${verb} (${why}); check the path, its permissions and the space left`, { cause })
  }
}
