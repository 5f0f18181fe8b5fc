/** Users and times, of a CSV file or JSON lines. */
import type { AskedRow } from '@headwater/logs'
import { CommandError } from '../../arguments/command-error.ts'
import { momentMs } from '../../arguments/moment.ts'
import { readInput } from '../../files/input.ts'

/** @throws CommandError, InputFileError */
export function readAskedRows(file: string): readonly AskedRow[] {
  const lines = readInput('--as-of', file).toString('utf8').split(/\r?\n/)
  const isJson = /\.(jsonl|ndjson)$/.test(file)
  const head = isJson ? [] : cellsOf(lines[0])
  const [userAt, timeAt] = [head.indexOf('user'), head.indexOf('time')]
  if (!isJson && (userAt < 0 || timeAt < 0))
    throw new CommandError(
      `--as-of: ${file} has no header with user and time; give CSV, or JSON lines in a .jsonl file.`,
    )
  return lines.flatMap((line, i): AskedRow[] => {
    if (line === '' || (!isJson && i === 0)) return []
    try {
      const { user, time } = isJson ? JSON.parse(line) : { user: cellsOf(line)[userAt], time: cellsOf(line)[timeAt] }
      if (typeof user !== 'string' || user === '') throw new Error('it names no user')
      return [{ user, timeMs: timeOf(String(time)) }]
    } catch (cause) {
      throw new CommandError(`--as-of: line ${i + 1} of ${file} is no user and time: ${(cause as Error).message}`, {
        cause,
      })
    }
  })
}

/** Of a time without a zone it is UTC's, as pandas writes it. */
function timeOf(text: string): number {
  if (/^\d+\.\d+$/.test(text)) return Number(text)
  return momentMs(text.replace(/^(\d{4}-\d\d-\d\d) /, '$1T').replace(/(T[\d:.]+)$/, '$1Z'))
}

/** A cell may stand in quotes, and doubles those in it. */
const cellsOf = (line: string): string[] =>
  [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
    quoted === undefined ? plain : quoted.replaceAll('""', '"'),
  )
