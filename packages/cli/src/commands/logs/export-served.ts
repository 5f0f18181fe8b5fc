/** `headwater logs export`: served rows of a model as files. R rows, D values of a vector. */
import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { basename } from 'node:path'
import type { AskedRow, ServedRow } from '@headwater/logs'
import { CommandError } from '../../arguments/command-error.ts'
import { userPath } from '../../files/paths.ts'
import { PartDirectory } from '../../parts/part-directory.ts'
import { writeNpz } from '../../parts/write-npz.ts'
import type { Stoppable } from '../../terminal/stoppable.ts'
import { readAskedRows } from './asked-rows.ts'
import type { LogsExportOptions } from './options.ts'

/** What came of it; written so far, of a place between files. */
interface Counts {
  rows: number
  /** Rows of another frame, by frame. */
  otherFrames: Record<string, number>
  /** Rows that were asked for of whose users nothing was served by then. */
  unanswered: number
}

/** What was there when the export began: only that is exported. */
interface Begun {
  readonly frame: number | null
  readonly files: number
  /** Of their names and sizes. */
  readonly digest: string
}

export interface ServedExport extends Counts {
  readonly directory: string
  readonly frame: number | null
  readonly parts: number
}

/** @throws CommandError, LogFormatError */
export async function exportServed(
  log: string,
  directory: string,
  options: LogsExportOptions,
  { stages, signal }: Pick<Stoppable, 'stages' | 'signal'>,
): Promise<ServedExport> {
  const { model, format, vectorType, partRows, from, to, asOf } = options
  const { servedFiles, servedAsOf, servedVectors } = await import('@headwater/logs')
  const asked = asOf === undefined ? null : readAskedRows(asOf)
  const rowsDigest = asked && digestOf(asked)
  const of = {
    what: 'served rows',
    log: userPath(log),
    model,
    vectorType,
    frame: options.frame ?? 'newest',
    from,
    to,
    rowsDigest,
  }
  const into = new PartDirectory<Counts, Begun>(directory, format, of, Date.now())
  const all = await servedFiles(userPath(log))
  const begun = await into.begin(async () => {
    const frame = options.frame ?? (await newestFrame(all, model))
    return { frame: frame === 'all' ? null : frame, files: all.length, digest: digestOf(sizesOf(all)) }
  })
  const files = all.slice(0, begun.files)
  const counts: Counts = { rows: 0, otherFrames: {}, unanswered: asked?.length ?? 0 }
  if (into.isDone) return { ...into.place!, directory: into.path, frame: begun.frame, parts: into.parts }
  if (digestOf(sizesOf(files)) !== begun.digest)
    throw new CommandError(
      `${log} was changed since the export began: a user was forgotten, or files were removed; remove ${into.path}, and export again.`,
    )
  const written = into.place?.rows ?? 0
  let part: Answer[] = []
  const write = async () => {
    if (part.length === 0) return
    const rows = part
    part = []
    await into.add({ ...counts }, (path) => writeRows(path, rows, model, asked, options))
  }
  const source = asked === null ? unasked(servedVectors(files, model)) : servedAsOf(files, model, asked)
  stages.begin('rows', 0)
  for await (const answers of source) {
    signal.throwIfAborted()
    for (const answer of answers) {
      const [, { servedMs, status, frame }] = answer
      if (servedMs < (from ?? Number.NEGATIVE_INFINITY) || servedMs >= (to ?? Number.POSITIVE_INFINITY)) continue
      counts.unanswered -= asked === null ? 0 : 1
      // The default is of no frame.
      if (begun.frame !== null && status !== defaultStatus && frame !== begun.frame) {
        counts.otherFrames[frame] = (counts.otherFrames[frame] ?? 0) + 1
        continue
      }
      counts.rows++
      // The order is the same each time: these are in files already.
      if (counts.rows <= written) continue
      part.push(answer)
      if (part.length === partRows) await write()
    }
    stages.advance(counts.rows)
  }
  await write()
  into.finish(counts)
  stages.end()
  return { ...counts, directory: into.path, frame: begun.frame, parts: into.parts }
}

/** A value of `servedStatus`. */
const defaultStatus = 2

type Answer = readonly [place: number | null, row: ServedRow]

async function* unasked(source: AsyncIterable<readonly ServedRow[]>): AsyncGenerator<readonly Answer[]> {
  for await (const rows of source) yield rows.map((row): Answer => [null, row])
}

const sizesOf = (files: readonly string[]) => files.map((file) => [basename(file), statSync(file).size])

const digestOf = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 24)

/** Of the last file that has a vector of the model; null: none has. */
async function newestFrame(files: readonly string[], model: string): Promise<number | null> {
  const { servedVectors } = await import('@headwater/logs')
  for (const file of files.toReversed()) {
    let newest: number | null = null
    for await (const rows of servedVectors([file], model))
      for (const { status, frame } of rows) if (status !== defaultStatus) newest = Math.max(newest ?? 0, frame)
    if (newest !== null) return newest
  }
  return null
}

async function writeRows(
  path: string,
  answers: readonly Answer[],
  modelName: string,
  asked: readonly AskedRow[] | null,
  { format, vectorType }: Pick<LogsExportOptions, 'format' | 'vectorType'>,
): Promise<void> {
  const library = await import('@headwater/logs')
  const rows = answers.map(([, row]) => row)
  const dim = rows[0].halves.length
  const halves = new Uint16Array(rows.length * dim)
  for (const [i, row] of rows.entries()) {
    if (row.halves.length !== dim)
      throw new CommandError(
        `"${modelName}" has vectors of ${dim} and of ${row.halves.length} numbers, as of another model that had the name; ` +
          'name the time from which it is one by --from.',
      )
    halves.set(row.halves, i * dim)
  }
  const texts = (of: (row: ServedRow) => string) => rows.map(of)
  const unsigned = (of: (row: ServedRow) => number) => Uint32Array.from(rows, of)
  const times = (of: (row: ServedRow) => number) => Float64Array.from(rows, of)
  const request = rows.map((row) => row.request)
  const model = rows.map(() => modelName)
  const user = texts((row) => row.user)
  const servedMs = times((row) => row.servedMs)
  const snapshot = unsigned((row) => row.snapshot)
  const frame = unsigned((row) => row.frame)
  const featureTimeMs = times((row) => row.featureTimeMs)
  const status = unsigned((row) => row.status)
  const row = Uint32Array.from(answers, ([place]) => place ?? 0)
  const timeMs = Float64Array.from(answers, ([place]) => asked?.[place!].timeMs ?? 0)
  const ageMs = times((own) => (own.status === defaultStatus ? Number.NaN : own.servedMs - own.featureTimeMs))
  if (asked) for (const [i, asOfMs] of timeMs.entries()) ageMs[i] += asOfMs - servedMs[i]
  if (format === 'npz')
    return writeNpz(path, {
      ...(asked && { row: { values: row }, time: { timesMs: timeMs } }),
      request: { values: request.map((name) => name ?? '') },
      user: { values: user },
      model: { values: model },
      served_at: { timesMs: servedMs },
      snapshot: { values: snapshot },
      frame: { values: frame },
      feature_time: { timesMs: featureTimeMs },
      age_ms: { values: ageMs },
      status: { values: status },
      vector: { halves, vectorType, shape: [rows.length, dim] },
    })
  const wide = vectorType === 'float32'
  const columns = {
    ...(asked && { row: library.unsigned('row'), timeMs: library.timestamps('time') }),
    request: library.textsOrNull('request'),
    user: library.texts('user'),
    model: library.texts('model'),
    servedMs: library.timestamps('served_at'),
    snapshot: library.unsigned('snapshot'),
    frame: library.unsigned('frame'),
    featureTimeMs: library.timestamps('feature_time'),
    ageMs: library.doubles('age_ms'),
    status: library.unsigned('status'),
    vector: wide ? library.vectors('vector', 'float32', 'REQUIRED') : library.fixedBytes('vector', 2 * dim),
  }
  const vector = wide ? { dims: new Uint32Array(rows.length).fill(dim), halves } : new Uint8Array(halves.buffer)
  const own = { row, timeMs, request, user, model, servedMs, snapshot, frame, featureTimeMs, ageMs, status, vector }
  return library.writeParquet(path, columns, { rows: rows.length, ...own })
}
