import { once } from 'node:events'
import { createWriteStream, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as wait } from 'node:timers/promises'
import type { Command } from '@commander-js/extra-typings'
import type { Client, EventsRequest, WireValue } from '@headwater/client'
import type { BadRow, Log } from '@headwater/datasets'
import type { Schema } from '@headwater/features'
import { CommandError } from '../../arguments/command-error.ts'
import { joinOption, openedLog, sayWarnings } from '../../arguments/log-options.ts'
import { wholeNumber } from '../../arguments/numbers.ts'
import type { OptionsOf } from '../../arguments/options-of.ts'
import { serviceClient, serviceCommand, serviceWords } from '../../client/service-options.ts'
import { userPath } from '../../files/paths.ts'
import { jsonFile, printResult } from '../../files/result.ts'
import { count, counted } from '../../terminal/format.ts'
import { nextStep } from '../../terminal/next-step.ts'
import { shellWord } from '../../terminal/shell-word.ts'
import { type Stoppable, stoppable } from '../../terminal/stoppable.ts'
import { type BatchedEvent, eventBatches, type LogMark, logStart, wireValue } from './event-batches.ts'
import { readMark, writeMark } from './mark.ts'

const deadlineMs = 10_000
/** The command fails where a service does not answer for longer. */
const patienceMs = 60_000
const longestWaitMs = 5_000

const help = `
Events are sent in the order of their times. How far it got is noted in a file, so that the command goes on from there when
it is run again, and sends only what was added to the log since.
`

const declare = (program: Command) =>
  serviceCommand(program, 'ingest', 'send the events of a log to a running service')
    .argument('<log>', 'Parquet, CSV or JSONL, a file or a glob; -: JSONL from stdin')
    .requiredOption('--schema <file>', 'JSON that describes its columns')
    .addOption(joinOption())
    .option('--max-bad-rows <n>', 'bad rows to leave out before giving up', wholeNumber(0, 1_000_000_000), 0)
    .option('--mark <file>', 'where it notes how far it got; default: LOG.ingested, none for stdin and globs')
    .addHelpText('after', help)

type IngestOptions = OptionsOf<typeof declare>

export const registerIngest = (program: Command) => declare(program).action(ingest)

async function ingest(given: string, options: IngestOptions): Promise<void> {
  const json = jsonFile(options)
  const client = await serviceClient(options, deadlineMs)
  const markFile = markPath(given, options)
  const mark = markFile === null ? logStart : readMark(markFile, options.url)
  const left = markFile === null ? 'the events sent so far are in' : 'the same command goes on from there'
  const { figures, lastUser } = await stoppable(left, async ({ stages, signal, atEnd }) => {
    const data = await logFile(given, signal, atEnd)
    const { schema, join, maxBadRows } = options
    const settings = { data, schema: userPath(schema), join, maxBadRows, eventsOnly: true, signal }
    const log = await openedLog(settings, stages)
    atEnd(() => log.close())
    sayWarnings(log)
    stages.begin('ingest', log.rows)
    const { lastUser, ...sent } = await send(client, log, mark, signal, (now) => {
      if (markFile !== null) writeMark(markFile, options.url, now)
      stages.advance(now.events)
    })
    stages.end()
    const badRows = { count: log.skippedRows, listed: log.badRows }
    // `events` are the log's; an earlier run has sent those `before`.
    return { lastUser, figures: { url: options.url, events: log.rows, before: mark.events, badRows, ...sent } }
  })
  const next = lastUser === null ? '' : nextStep(`npx headwater read ${shellWord(lastUser)} ${serviceWords(options)}`)
  const noted = markFile === null ? '' : `Sent to ${options.url}; how far it got: ${markFile}\n`
  await printResult(`${render(figures)}${noted}${next}`, json, figures)
}

/** One call at a time, as the order of a user's events counts. */
async function send(client: Client, log: Log, mark: LogMark, signal: AbortSignal, onSent: (mark: LogMark) => void) {
  const startMs = performance.now()
  let [sent, calls, retries] = [0, 0, 0]
  let lastUser: string | null = null
  for await (const batch of eventBatches(log.events(), mark)) {
    retries += await sendBatch(client, columnsOf(batch, log.schema), signal)
    calls++
    sent += batch.length
    const last = batch.at(-1)!
    lastUser = last.user
    onSent({ events: mark.events + sent, id: last.id })
  }
  // Retries are calls that had to be sent again.
  return { lastUser, sent, calls, retries, seconds: (performance.now() - startMs) / 1000 }
}

/**
 * Sends a batch until the service has it. Sending it twice does no harm, as the service knows events by their ids.
 *
 * @returns how often it was sent again
 * @throws ClientError, or the signal's reason
 */
async function sendBatch(client: Client, columns: EventsRequest, signal: AbortSignal): Promise<number> {
  const { DeadlineError, OverloadedError, UnavailableError } = await import('@headwater/client')
  const endMs = performance.now() + patienceMs
  for (let retries = 0; ; retries++) {
    try {
      await untilAborted(client.ingest(columns), signal)
      return retries
    } catch (error) {
      signal.throwIfAborted()
      const isPassing = [DeadlineError, OverloadedError, UnavailableError].some((type) => error instanceof type)
      const { retryAfterMs = null } = error as { readonly retryAfterMs?: number | null }
      const waitMs = retryAfterMs ?? Math.min(longestWaitMs, 100 * 2 ** retries)
      if (!isPassing || performance.now() + waitMs > endMs) throw error
      await wait(waitMs, undefined, { signal }).catch(() => signal.throwIfAborted())
    }
  }
}

async function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const settled = new AbortController()
  const aborted = once(signal, 'abort', settled).catch(() => {})
  try {
    await Promise.race([work, aborted])
  } finally {
    settled.abort()
  }
  signal.throwIfAborted()
}

function columnsOf(events: readonly BatchedEvent[], { fields }: Schema): EventsRequest {
  const column = (field: number) => events.map(({ values }): WireValue => wireValue(values[field]))
  return {
    users: events.map(({ user }) => user),
    items: events.map(({ item }) => item),
    timesMs: events.map(({ timeMs }) => timeMs),
    fields: Object.fromEntries(fields.map(({ name }, field) => [name, column(field)])),
    ids: events.map(({ id }) => id),
  }
}

function markPath(given: string, { mark }: IngestOptions): string | null {
  if (mark !== undefined) return userPath(mark)
  return given !== '-' && existsSync(userPath(given)) ? `${userPath(given)}.ingested` : null
}

/** The path of the log. Stdin is written to a file first, so that all of it is checked before any is sent. */
async function logFile(given: string, signal: AbortSignal, atEnd: Stoppable['atEnd']): Promise<string> {
  if (given !== '-') return userPath(given)
  if (process.stdin.isTTY) throw new CommandError('stdin is a terminal; pipe a log of JSON lines into the command.')
  const directory = mkdtempSync(join(tmpdir(), 'headwater-ingest-'))
  atEnd(() => rmSync(directory, { recursive: true, force: true }))
  const path = join(directory, 'stdin.jsonl')
  try {
    await pipeline(process.stdin, createWriteStream(path), { signal })
  } catch (cause) {
    signal.throwIfAborted()
    throw cause
  }
  return path
}

interface Told {
  readonly sent: number
  readonly before: number
  readonly seconds: number
  readonly badRows: { readonly count: number; readonly listed: readonly BadRow[] }
}

function render({ sent, before, badRows, seconds }: Told): string {
  const were = before === 0 ? '' : `, ${count(before)} were in before`
  const lines = [`${counted(sent, 'events')} ingested in ${seconds.toFixed(1)} s${were}\n`]
  for (const { file, row, line, field, reason } of badRows.listed) {
    const place = [file, `row ${row}${line === undefined ? '' : ` (line ${line})`}`]
    if (field !== undefined) place.push(`field "${field}"`)
    lines.push(`bad     ${place.join(', ')}: ${reason}\n`)
  }
  const more = badRows.count - badRows.listed.length
  if (more > 0) lines.push(`bad     and ${count(more)} more\n`)
  return lines.join('')
}
