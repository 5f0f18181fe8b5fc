/** Which log a command reads, and how it is opened. */
import { relative } from 'node:path'
import { type Command, Option } from '@commander-js/extra-typings'
import type { Log, OpenLogOptions } from '@headwater/datasets'
import type { Stages } from '@headwater/evaluation'
import { userDirectory, userPath } from '../files/paths.ts'
import { shellWord } from '../terminal/shell-word.ts'
import { CommandError } from './command-error.ts'
import { wholeNumber } from './numbers.ts'

/** Adds the options of `LogOptions` but `--seed`, which means something else in each command. */
export function logOptions(command: Command, standard: string) {
  return command
    .option(
      '--data <what>',
      'movietweetings (bundled), a synthetic log, or a file or glob: Parquet, CSV, TSV, JSON, JSONL',
      standard,
    )
    .option('--schema <file>', "JSON that describes a file's columns, tasks and features")
    .addOption(joinOption())
    .option('--max-bad-rows <n>', 'bad rows to leave out before giving up', wholeNumber(0, 1e9), 0)
}

/** `--join`, of every command that reads a log. */
export const joinOption = () =>
  new Option(
    '--join <file>',
    "file with more columns, as of items: FILE, or FILE:KEY; the key is the schema's item or user, or KEY; repeatable",
  )
    .default([] as string[], 'none')
    .argParser((file: string, before: string[]) => [...before, userPath(file)])

export interface LogOptions {
  readonly data: string
  readonly schema?: string
  /** Paths, each with its key or without. */
  readonly join: readonly string[]
  readonly maxBadRows: number
  readonly seed: number
}

/** What `openLog` takes beside `data`. */
export const logSettings = ({ schema, join, maxBadRows, seed }: LogOptions) => ({
  ...(schema !== undefined && { schema: userPath(schema) }),
  join,
  maxBadRows,
  seed,
})

/** The words of a command line that name a log again, as the user typed it. */
export function logWords({ data, schema, ...rest }: Omit<LogOptions, 'seed'>): string {
  const named = schema === undefined ? [] : ['--schema', schema]
  return ['--data', data, ...named].map(shellWord).concat(joinWords(rest)).join(' ')
}

/** Those of what is joined to it, and of its bad rows. */
export function joinWords({ join, maxBadRows }: Pick<LogOptions, 'join' | 'maxBadRows'>): readonly string[] {
  const joined = join.flatMap((file) => ['--join', relative(userDirectory(), file) || file])
  return [...joined, ...(maxBadRows > 0 ? ['--max-bad-rows', String(maxBadRows)] : [])].map(shellWord)
}

/** Opens a log as a stage of its own. @throws as `openLog` */
export async function openedLog(options: OpenLogOptions, stages: Stages): Promise<Log> {
  const { openLog } = await import('@headwater/datasets')
  stages.begin('log', 0)
  const log = await openLog({ ...options, onProgress: (share) => stages.advance(share) })
  stages.end()
  return log
}

/** Prints what may be a mistake in a log. */
export function sayWarnings({ warnings }: { readonly warnings: readonly string[] }): void {
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`)
}

/** What `openLog` takes, and how a report names the log. */
export async function logSource(options: LogOptions) {
  const { kind, data } = await dataArgument(options.data)
  const source = kind === 'file' ? options.data : kind === 'synthetic' ? `${data}, seed ${options.seed}` : kind
  return { settings: { ...logSettings(options), data }, source }
}

/**
 * What `--data` names: what kind of log, and its name or path as `openLog` takes it. The synthetic logs are looked up when a
 * command runs, so that help loads none.
 */
export async function dataArgument(text: string) {
  const { syntheticSettings } = await import('@headwater/datasets')
  if (text === 'movietweetings') return { kind: 'bundled', data: text } as const
  if (syntheticSettings.has(text)) return { kind: 'synthetic', data: text } as const
  return { kind: 'file', data: userPath(text) } as const
}

/** @throws CommandError */
export async function namedLog(text: string): Promise<string> {
  const { kind, data } = await dataArgument(text)
  if (kind !== 'file') return data
  const { syntheticSettings } = await import('@headwater/datasets')
  const names = ['movietweetings', ...syntheticSettings.keys()].join(', ')
  throw new CommandError(`--data: no log is named "${text}"; there are ${names}. Give --schema for a log of your own.`)
}
