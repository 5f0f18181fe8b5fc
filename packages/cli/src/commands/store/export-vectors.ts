/** `headwater store export`: vectors of a model as files. R rows, D values of a vector. */
import { createHash } from 'node:crypto'
import type { VectorType } from '@headwater/logs'
import type { ExportPlace, VectorRows } from '@headwater/store'
import { PartDirectory, type PartFormat } from '../../parts/part-directory.ts'
import { writeNpz } from '../../parts/write-npz.ts'
import type { Stoppable } from '../../terminal/stoppable.ts'

export interface ExportOptions {
  readonly model: string
  readonly tenant: string
  readonly latest: boolean
  /** Undefined: the newest that is found. */
  readonly frame: number | 'all' | undefined
  readonly format: PartFormat
  readonly vectorType: VectorType
  readonly partRows: number
}

export interface ExportReport extends ExportPlace {
  readonly directory: string
  readonly parts: number
}

export async function exportStore(
  url: string,
  directory: string,
  { model, tenant, latest, frame, format, vectorType, partRows }: ExportOptions,
  session: Stoppable,
): Promise<ExportReport> {
  const selection = { model, tenant, latest }
  // The store's URL may hold a password, so the file does not.
  const store = createHash('sha256').update(url).digest('hex').slice(0, 24)
  const of = { what: 'vectors', store, ...selection, frame: frame ?? 'newest', vectorType }
  const into = new PartDirectory<ExportPlace>(directory, format, of, Date.now())
  const { exportVectors } = await import('@headwater/store')
  const write = format === 'npz' ? writeArrays : writeTable
  const sink = {
    write: (rows: VectorRows, place: ExportPlace) =>
      into.add(place, (path) => write(path, rows, vectorType, into.exportedMs)),
    restart: async () => into.restart(),
  }
  const from = into.place
  const asked = { ...session, ...selection, ...(frame !== undefined && { frame }), partRows, from }
  if (!into.isDone) into.finish(await exportVectors(url, asked, sink))
  return { ...into.place!, directory: into.path, parts: into.parts }
}

type Write = (path: string, rows: VectorRows, vectorType: VectorType, nowMs: number) => Promise<void>

const agesMs = ({ rows, featureTimeMs }: VectorRows, nowMs: number) =>
  featureTimeMs.subarray(0, rows).map((time) => nowMs - time)

const writeTable: Write = async (path, vectors, vectorType, nowMs) => {
  const library = await import('@headwater/logs')
  const { rows, dim, user, snapshot, frame, featureTimeMs, writtenMs, halves } = vectors
  const columns = {
    user: library.texts('user'),
    snapshot: library.unsigned('snapshot'),
    frame: library.unsigned('frame'),
    featureTimeMs: library.timestamps('feature_time'),
    writtenMs: library.timestamps('written_at'),
    ageMs: library.doubles('age_ms'),
  }
  const own = { rows, user, snapshot, frame, featureTimeMs, writtenMs, ageMs: agesMs(vectors, nowMs) }
  if (vectorType === 'float16') {
    const bytes = new Uint8Array(halves.buffer, halves.byteOffset, 2 * rows * dim)
    return library.writeParquet(
      path,
      { ...columns, vector: library.fixedBytes('vector', 2 * dim) },
      { ...own, vector: bytes },
    )
  }
  const vector = { dims: new Uint32Array(rows).fill(dim), halves }
  return library.writeParquet(
    path,
    { ...columns, vector: library.vectors('vector', 'float32', 'REQUIRED') },
    { ...own, vector },
  )
}

const writeArrays: Write = async (path, vectors, vectorType, nowMs) => {
  const { rows, dim, user, snapshot, frame, featureTimeMs, writtenMs, halves } = vectors
  const first = <A extends { subarray(from: number, to: number): A }>(array: A) => array.subarray(0, rows)
  return writeNpz(path, {
    user: { values: user },
    snapshot: { values: first(snapshot) },
    frame: { values: first(frame) },
    feature_time: { timesMs: first(featureTimeMs) },
    written_at: { timesMs: first(writtenMs) },
    age_ms: { values: agesMs(vectors, nowMs) },
    vector: { halves: halves.subarray(0, rows * dim), vectorType, shape: [rows, dim] },
  })
}
