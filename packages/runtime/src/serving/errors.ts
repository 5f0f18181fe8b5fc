/** A call of more rows than one call may have. */
export class BatchRowsError extends Error {
  override readonly name = 'BatchRowsError'
  readonly rows: number
  readonly maxRows: number

  constructor(rows: number, maxRows: number) {
    super(`A batch of ${rows} rows is not one of 0 to ${maxRows}, the most of one call; split it, or raise maxRows.`)
    this.rows = rows
    this.maxRows = maxRows
  }
}

/** So many rows wait for the device that another call would only wait longer. */
export class EncodeQueueError extends Error {
  override readonly name = 'EncodeQueueError'
  readonly rows: number
  readonly queuedRows: number
  readonly maxQueuedRows: number

  constructor(rows: number, queuedRows: number, maxQueuedRows: number) {
    super(
      `${rows} rows do not fit the queue: ${queuedRows} of at most ${maxQueuedRows} wait or run. Wait for earlier calls ` +
        'before the next, serve from more devices, or raise maxQueuedRows.',
    )
    this.rows = rows
    this.queuedRows = queuedRows
    this.maxQueuedRows = maxQueuedRows
  }
}

/** The tower was disposed, or is asked for what its device does not allow. */
export class ServedTowerError extends Error {
  override readonly name = 'ServedTowerError'
}
