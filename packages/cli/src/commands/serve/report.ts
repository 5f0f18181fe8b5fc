/** What a server prints: lines for people on stdout, and on stderr what went wrong, as warnings or as a JSON log. */
import type { Logger } from 'pino'
import type { ServeOptions } from './options.ts'

/** What the parts of a server share. */
export interface Serving {
  /** A line for people. */
  say(line: string): void
  /** What went wrong, without harm to what is served. */
  warn(error: unknown): void
  readonly options: ServeOptions
  /** Aborted once the server is asked to stop. */
  readonly stopped: AbortSignal
  /** Each part adds its end as it is opened. */
  readonly closers: (() => Promise<void>)[]
}

/** The same failure is reported at most this often. */
const repeatMs = 10_000

/** Messages that name a user or a time differ each time, and must not be kept for ever. */
const maxMessages = 1_000

/** @returns no logger without `--log-level`; `close` writes out what is still held back */
export async function serveReport(level: string | undefined) {
  const say = (line: string) => void process.stdout.write(`${line}\n`)
  if (level === undefined) {
    const warn = seldom((message) => process.stderr.write(`warning: ${message}\n`))
    return { logger: null as Logger | null, say, warn, close: () => {} }
  }
  const { pino } = await import('pino')
  const destination = pino.destination({ dest: process.stderr.fd, sync: false })
  const logger = pino({ name: 'headwater', level }, destination)
  const warn = seldom((message, err) => logger.warn({ err }, message))
  return { logger, say, warn, close: () => destination.flushSync() }
}

function seldom(print: (message: string, error: unknown) => void): (error: unknown) => void {
  const printedMs = new Map<string, number>()
  return (error) => {
    const message = error instanceof Error ? error.message : String(error)
    const nowMs = performance.now()
    if (nowMs - (printedMs.get(message) ?? Number.NEGATIVE_INFINITY) < repeatMs) return
    if (printedMs.size > maxMessages) printedMs.clear()
    printedMs.set(message, nowMs)
    print(message, error)
  }
}
