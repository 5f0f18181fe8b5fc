import { type Progress, progressOn } from './progress.ts'

/** The user, or the system, asked the command to stop. */
class StoppedError extends Error {
  override readonly name = 'StoppedError'

  constructor(signal: string, left: string) {
    super(`stopped by ${signal}; ${left}.`)
  }
}

export interface Stoppable {
  readonly stages: Progress
  readonly signal: AbortSignal
  /** What is closed when the work ends or fails, the last first. */
  atEnd(close: () => Promise<void> | void): void
}

/**
 * Runs work with progress on stderr, and stops it at a signal of the system.
 *
 * @param left what remains after it was stopped; part of the message
 */
export async function stoppable<T>(left: string, work: (options: Stoppable) => Promise<T>): Promise<T> {
  const abort = new AbortController()
  const stop = (signal: NodeJS.Signals) => {
    process.exitCode = signal === 'SIGINT' ? 130 : 143
    abort.abort(new StoppedError(signal, left))
  }
  process.once('SIGINT', stop).once('SIGTERM', stop)
  const progress = progressOn()
  const closers: (() => Promise<void> | void)[] = []
  try {
    return await work({ stages: progress, signal: abort.signal, atEnd: (close) => void closers.push(close) })
  } finally {
    for (const close of closers.reverse()) await close()
    progress.close()
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
}
