/** Base of every error that the store throws on purpose. */
export class StoreError extends Error {
  override name = 'StoreError'
}

/** A URL that names no driver. */
export class StoreUrlError extends StoreError {
  override name = 'StoreUrlError'

  constructor(url: string) {
    super(`store URL "${url}" names no driver; give "memory:" or "lmdb:PATH"`)
  }
}

/** A directory that cannot be made, read or written. */
export class StoreAccessError extends StoreError {
  override name = 'StoreAccessError'
}

/** Another living process (or another handle in this one) writes to the store. */
export class StoreBusyError extends StoreError {
  override name = 'StoreBusyError'

  constructor(path: string, pid: number) {
    super(
      `store ${path} is open for writing in process ${pid}; share that handle, stop that process or use another path`,
    )
  }
}

/** A store or record written in a format that this version does not read. */
export class StoreFormatError extends StoreError {
  override name = 'StoreFormatError'
}

/** A record that fails its checksum or does not hold together. */
export class StoreCorruptError extends StoreError {
  override name = 'StoreCorruptError'
}

/** A write that did not reach the disk; it stays visible in this process and is tried again. */
export class StoreWriteError extends StoreError {
  override name = 'StoreWriteError'
}

/** A call on a store after `close()`. */
export class StoreClosedError extends StoreError {
  override name = 'StoreClosedError'

  constructor() {
    super('the store is closed; open it again')
  }
}

/** A user, item, model or tenant key that breaks the rules of `keys.ts`. */
export class KeyError extends StoreError {
  override name = 'KeyError'
}

/** Arrays, dimensions or numbers of a request that do not fit each other or the store. */
export class RequestError extends StoreError {
  override name = 'RequestError'
}

/** A vector with a value that is NaN, infinite, or beyond fp16's largest, 65,504. */
export class NonFiniteVectorError extends StoreError {
  override name = 'NonFiniteVectorError'
  /** Row of the batch, where there is one. */
  readonly row: number
  readonly column: number

  constructor(row: number, column: number, value: number) {
    super(
      `row ${row}, column ${column} of the vectors is ${value}, which fp16 holds not as a finite number; ` +
        'find out why the encoder gave it, or scale its output',
    )
    this.row = row
    this.column = column
  }
}
