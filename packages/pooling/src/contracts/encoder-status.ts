/** How an encoder that runs in a process of its own is doing. */
export interface EncoderStatus {
  readonly state: 'starting' | 'ready' | 'restarting' | 'stopped'
  /** Since it was started first. */
  readonly restarts: number
  /** Of the process, null while there is none. */
  readonly pid: number | null
  /** What ended it last, or kept it from starting. */
  readonly lastError: string | null
  /** Null where no kernel is being compiled. */
  readonly compiling: Compiling | null
}

/** A driver compiles kernel `number`, from 1, of `total` so far. */
export interface Compiling {
  readonly number: number
  readonly total: number
}
