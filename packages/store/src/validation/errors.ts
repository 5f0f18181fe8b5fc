/** Base of every error that the store throws on purpose. */
export class StoreError extends Error {
  constructor(message?: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
  }
}

/** A URL that names no driver, or one that the driver does not understand. Its message holds no credentials. */
export class StoreUrlError extends StoreError {
  /** @param problem goes on from "store URL …", and says what to do */
  constructor(
    url: string,
    problem = 'names no driver; give "memory:", "lmdb:PATH", "valkey://HOST" or "tiered:SIZE:URL"',
  ) {
    // All before the last `@`, as a password may hold any character where its writer forgot to encode it.
    super(`store URL "${url.replace(/\/\/.*@/s, '//***@')}" ${problem}`)
  }
}

/** LMDB's binary for this machine is missing, or does not load. */
export class StoreBindingError extends StoreError {
  constructor(cause: unknown) {
    super(
      `the package lmdb does not load on ${process.platform}-${process.arch} with Node ${process.version}; install it without ` +
        '--omit=optional, or name a store that needs no binary, "memory:" or "valkey://HOST"',
      { cause },
    )
  }
}

/** A directory that cannot be made, read or written. */
export class StoreAccessError extends StoreError {}

/** Another living process (or another handle in this one) writes to the store. */
export class StoreBusyError extends StoreError {
  constructor(path: string, pid: number) {
    super(
      `store ${path} is open for writing in process ${pid}; share that handle, stop that process or use another path`,
    )
  }
}

/** A store or record written in a format that this version does not read. */
export class StoreFormatError extends StoreError {}

/** A record that fails its checksum or does not hold together. */
export class StoreCorruptError extends StoreError {}

/** A write that did not reach the disk; it stays visible in this process and is tried again. */
export class StoreWriteError extends StoreError {}

/** A write for which the disk had no room. Nothing of its group is on the disk; it is tried again as any failed write. */
export class StoreFullError extends StoreWriteError {}

/** A write to a store that was opened for reading only. */
export class StoreReadOnlyError extends StoreError {
  constructor(path: string) {
    super(`store ${path} was opened with ?readonly; open it without to write, in one process at a time`)
  }
}

/** No server that could do it answered in time. Nothing was written; it may go well once the server is back. */
export class StoreUnavailableError extends StoreError {}

/** A call on a store after `close()`. */
export class StoreClosedError extends StoreError {
  constructor() {
    super('the store is closed; open it again')
  }
}

/** A user, item, model or tenant key that breaks the rules of `keys.ts`. */
export class KeyError extends StoreError {}

/** Arrays, dimensions or numbers of a request that do not fit each other or the store. */
export class RequestError extends StoreError {}

/** A vector whose length is not that of the vectors which are held under its model. */
export class DimensionError extends RequestError {}

/** A time further ahead of the clock than the store's `maxFutureMs`: a wrong unit, most often. */
export class FutureTimeError extends RequestError {}

/** A vector with a value that is NaN, infinite, or beyond fp16's largest, 65,504. */
export class NonFiniteVectorError extends StoreError {
  /** Row of the batch, where there is one. */
  readonly row: number
  readonly column: number

  constructor(row: number, column: number, value: number) {
    super(
      `row ${row}, column ${column} of the vectors is ${value}, which is not a finite number in fp16; ` +
        'find out why the encoder gave it, or scale its output',
    )
    this.row = row
    this.column = column
  }
}
