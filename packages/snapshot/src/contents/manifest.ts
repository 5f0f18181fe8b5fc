/** What a snapshot says of itself: how it was trained, lined up with the one before, and judged. */

import { towerFileName } from '../files/checksums.ts'
import { SnapshotError } from '../files/snapshot-error.ts'
import type { EmbeddingLayout } from './item-vectors.ts'

/** The format that this version writes and reads; 1 and 2 held towers of another kind. */
export const formatVersion = 3

/**
 * How the published vectors were lined up with the parent's: by a rotation and a shift at publication, by training against
 * the parent's vectors, by both, or not at all.
 */
export type AlignmentMethod = 'procrustes' | 'none' | 'distillation' | 'both'

/** The new published vectors against the parent's, over the panel's users. */
export interface PanelFigures {
  readonly users: number
  /** ‖new − old‖ ÷ ‖old − mean of old‖, Frobenius: the share of what tells users apart that did not carry over. */
  readonly residual: number
  /** The same before alignment. */
  readonly unalignedResidual: number
  /** Mean over users of the cosine between both vectors, each less the mean of its side. */
  readonly centredCosine: number
  /** Squared correlation of both sides' numbers, each less the mean: what of the variance is kept but for a common scale. */
  readonly varianceKept: number
  /** Exponential of the entropy of the new vectors' spectrum: in how many directions they tell users apart. */
  readonly effectiveRank: number
  /** Mean norm of the old and of the new vectors. */
  readonly oldNorm: number
  readonly newNorm: number
}

/** Predictions of both towers for one task, on rows that neither was trained on. */
export interface ForwardTask {
  readonly task: string
  /** Those of the held-back rows whose label was known. */
  readonly rows: number
  readonly positives: number
  /** Normalized entropy, lower is better; null where the rows have one class. */
  readonly ne: number | null
  readonly parentNe: number | null
  /** Standard error of `ne − parentNe` over rows. */
  readonly neStandardError: number | null
  /** Σ predictions ÷ Σ labels; null without a positive row. */
  readonly calibration: number | null
  readonly parentCalibration: number | null
}

export interface ForwardFigures {
  /** Rows held back from training. */
  readonly rows: number
  readonly tasks: readonly ForwardTask[]
}

export interface Verdict {
  readonly status: 'published' | 'held'
  /** Why it is held, a sentence each; empty where it is published. */
  readonly reasons: readonly string[]
  /** What could not be judged, a sentence each. */
  readonly notes: readonly string[]
}

/** The published vectors of the items in the panel's events against the parent's, each event counting once. */
export interface ItemFigures {
  /** ‖new − old‖ ÷ ‖old‖, Frobenius. */
  readonly residual: number
  /** The same before alignment. */
  readonly unalignedResidual: number
}

/** How a snapshot was made, and relates to the one that was served then. Snapshots of earlier versions lack what is said to be null. */
export interface PublicationRecord {
  /** Events that were there, and a hash of schema and events; null where it was made of none. */
  readonly log: { readonly rows: number; readonly digest: string } | null
  /** Of the code that trained it; null where it is not known. */
  readonly codeVersion: string | null
  /** Wall clock, ms since 1970. */
  readonly publishedMs: number
  /** Number of the snapshot that was served then, with which it was lined up and compared. */
  readonly parent: number | null
  readonly alignment: AlignmentMethod
  readonly panel: PanelFigures | null
  /** Null where the two publish no item vectors of one layout, or the panel has no events. */
  readonly items: ItemFigures | null
  readonly forward: ForwardFigures | null
  readonly verdict: Verdict
}

/**
 * Of a tower that was made elsewhere: an ONNX model, whose file, data files and vocabularies lie in the folder `tower` of the snapshot.
 * `@headwater/external` makes and runs it.
 */
export interface ExternalTower {
  /** The model's file in that folder. */
  readonly model: string
  /** K and D of the embeddings [R, K·D] that it gives. */
  readonly embeddings: { readonly count: number; readonly width: number }
  /** How its inputs are made of rows, as JSON. */
  readonly map: object
  /** Names of the vocabularies in that map, and their files in the folder. */
  readonly vocabularies: Readonly<Record<string, string>>
  /** Of the operators that the model is made of. */
  readonly opset: number
  /** What wrote the model, in its own words. */
  readonly producer: string
}

export interface SnapshotManifest extends PublicationRecord {
  readonly format: typeof formatVersion
  /** u32, grows with every snapshot of the model. */
  readonly snapshot: number
  /** u32; vectors of one frame may be averaged. It is the number of the snapshot that opened the frame. */
  readonly frame: number
  /** Every row that the snapshot depends on (trained, lined up or judged on) is at or before this time, ms since 1970. */
  readonly dataCutoffMs: number
  readonly trainedRows: number
  /** Hash of the schema, 24 hexadecimal digits. */
  readonly schemaDigest: string
  /** The model's config as JSON; empty of an external tower. The runtime, which builds models, checks it: see its `snapshotConfig`. */
  readonly config: object
  /** Of a tower that was made elsewhere, which has no config of ours; absent in snapshots of our own towers. */
  readonly external?: ExternalTower
  /** Of the embeddings of a tower with a memory, whose item vectors are published beside them. */
  readonly layout: EmbeddingLayout | null
}

/** What is recorded where nothing was compared. */
export const unjudged: Omit<PublicationRecord, 'publishedMs'> = {
  log: null,
  codeVersion: null,
  parent: null,
  alignment: 'none',
  panel: null,
  items: null,
  forward: null,
  verdict: { status: 'published', reasons: [], notes: [] },
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

const failIn = (directory: string) => (what: string) => new SnapshotError(`${directory}/manifest.json: ${what}.`)

/** @throws SnapshotError for a manifest of another format, whatever else it is */
export function checkFormat(json: unknown, directory: string): void {
  const fail = failIn(directory)
  const format = isObject(json) ? json.format : undefined
  if (format === formatVersion) return
  if (typeof format === 'number' && format > formatVersion)
    throw fail(`has format ${format}, this version reads ${formatVersion}; use the version of Headwater that wrote it`)
  if (format === 1 || format === 2)
    throw fail(
      `has format ${format}, written by an earlier version for a tower of another kind; train and publish again, into a directory of its own`,
    )
  throw fail(`has format ${format}, no snapshot has that; publish it again`)
}

/**
 * Reads a manifest of this format. Its bytes are checked elsewhere (there is a checksum of the manifest itself), so this
 * looks at what the rest of the program relies on.
 * @throws SnapshotError naming the field
 */
export function parseManifest(json: unknown, directory: string): SnapshotManifest {
  const fail = failIn(directory)
  const raw = isObject(json) ? json : {}
  for (const field of ['snapshot', 'frame', 'dataCutoffMs', 'trainedRows', 'publishedMs'])
    if (!Number.isSafeInteger(raw[field])) throw fail(`${field} is no whole number; publish it again`)
  const status = isObject(raw.verdict) ? raw.verdict.status : undefined
  if (status !== 'published' && status !== 'held')
    throw fail('verdict.status is neither "published" nor "held"; publish it again')
  if (!isObject(raw.config)) throw fail('config is no object; publish it again')
  if (raw.external !== undefined) checkExternal(raw.external, fail)
  return raw as unknown as SnapshotManifest
}

const isSize = (value: unknown) => Number.isSafeInteger(value) && (value as number) > 0
const isTowerFile = (name: unknown) => typeof name === 'string' && towerFileName.test(name)

function checkExternal(json: unknown, fail: (what: string) => SnapshotError): void {
  const { model, embeddings, map, vocabularies } = isObject(json) ? json : {}
  const { count, width } = isObject(embeddings) ? embeddings : {}
  const named = isObject(vocabularies) ? Object.values(vocabularies) : [null]
  if (![model, ...named].every(isTowerFile) || !isSize(count) || !isSize(width) || !isObject(map))
    throw fail('external is no description of a tower that was made elsewhere; import it again')
}
