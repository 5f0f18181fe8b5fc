/** The file in which `headwater ingest` notes how far it got. */
import { existsSync } from 'node:fs'
import { readJsonFile } from '../../files/json-file.ts'
import { checkOutputFile, writeOutputFile } from '../../files/output.ts'
import type { LogMark } from './event-batches.ts'
import { logStart } from './event-batches.ts'

/** A mark that is none, or that stands for another service. */
export class MarkError extends Error {
  override readonly name = 'MarkError'
}

/** @throws MarkError, InputFileError, OutputError */
export function readMark(path: string, url: string): LogMark {
  checkOutputFile('--mark', path)
  if (!existsSync(path)) return logStart
  const mark = readJsonFile('--mark', path) as {
    format?: unknown
    url?: unknown
    events?: unknown
    id?: unknown
  } | null
  const { format, url: noted, events, id } = mark ?? {}
  if (format !== 1 || !Number.isInteger(events) || typeof id !== 'string') {
    throw new MarkError(`--mark: ${path} is no mark of headwater ingest; name another file.`)
  }
  if (noted !== url) {
    throw new MarkError(`--mark: ${path} says what ${noted} has been sent; name another file for ${url}.`)
  }
  return { events: events as number, id }
}

/** @throws OutputError */
export function writeMark(path: string, url: string, { events, id }: LogMark): void {
  writeOutputFile(path, `${JSON.stringify({ format: 1, url, events, id })}\n`)
}
