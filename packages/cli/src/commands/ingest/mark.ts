/** The file in which `headwater ingest` notes how far it got. */
import { existsSync } from 'node:fs'
import { CommandError } from '../../arguments/command-error.ts'
import { readJson } from '../../files/input.ts'
import { outputFile, writeOutputFiles } from '../../files/output.ts'
import { type LogMark, logStart } from './event-batches.ts'

/** @throws CommandError, InputFileError, OutputError */
export function readMark(path: string, url: string): LogMark {
  outputFile('--mark', path)
  if (!existsSync(path)) return logStart
  const mark = readJson('--mark', path) as Record<string, unknown> | null
  const { format, url: noted, events, id } = mark ?? {}
  if (format !== 1 || !Number.isInteger(events) || typeof id !== 'string') {
    throw new CommandError(`--mark: ${path} is no mark of headwater ingest; name another file.`)
  }
  if (noted !== url) {
    throw new CommandError(`--mark: ${path} says what ${noted} has been sent; name another file for ${url}.`)
  }
  return { events: events as number, id }
}

/** @throws OutputError */
export function writeMark(path: string, url: string, { events, id }: LogMark): void {
  writeOutputFiles(new Map([[path, `${JSON.stringify({ format: 1, url, events, id })}\n`]]))
}
