/** Snapshots of small towers with random weights, for what serves them. */
import { compileFeatures, parseSchema, type Schema, type SideBatch } from '@headwater/features'
import { declareTower, type ModelConfig } from '@headwater/runtime'
import { panelUserHash, publishSnapshot, type SnapshotManifest } from '@headwater/snapshot'
import { seededRandom } from '@headwater/statistics'

/** With every kind of array that a batch can have. */
export const schema = parseSchema(
  {
    version: 1,
    name: 'shop',
    user: 'user',
    item: 'item',
    time: { column: 'time', unit: 's' },
    fields: [
      { name: 'country', of: 'user', type: 'id', buckets: 16 },
      { name: 'kind', of: 'item', type: 'id', buckets: 16 },
      { name: 'bought', of: 'outcome', type: 'float' },
    ],
    sequence: { length: 4, value: 'bought', buckets: 32, categories: ['kind'] },
    tasks: [{ name: 'bought', field: 'bought', atLeast: 1 }],
    aggregations: [
      { name: 'user-mean', of: 'user', kind: 'mean', value: 'bought', prior: 0.4 },
      { name: 'user-count', of: 'user', kind: 'count' },
    ],
  },
  'schema of the tests',
)

export const space = compileFeatures(schema)

const config: ModelConfig = {
  user: {
    tokenWidth: 8,
    tokens: [
      { kind: 'dense', tokens: 1 },
      { kind: 'bags', pooling: 'mean' },
      { kind: 'events', pooled: 1 },
    ],
    levels: [{ extractors: [{ kind: 'mlp', tokens: 1, hidden: 18 }], norm: 'layer', residual: true, dense: true }],
  },
  embeddings: { count: 2, width: 12, norm: { kind: 'layer' } },
  mix: { width: 4, interaction: { kind: 'grouped', dots: 3 }, hidden: [5] },
  dropout: 0.1,
}

export interface RandomSnapshotOptions {
  readonly seed?: number
  readonly frame?: number
  readonly verdict?: SnapshotManifest['verdict']['status']
  /** Width of each of two embeddings. */
  readonly width?: number
  readonly schema?: Schema
  readonly panel?: SideBatch
  /** Whose rows they are. */
  readonly panelUsers?: readonly string[]
  /** To its parent, as the gate measured it. */
  readonly centredCosine?: number
}

/** @returns directory of the snapshot */
export async function publishRandom(
  modelDirectory: string,
  snapshot: number,
  { seed = snapshot, frame = 1, verdict = 'published', width = 12, ...more }: RandomSnapshotOptions = {},
): Promise<string> {
  const random = seededRandom(seed)
  const { user, item, schema: own } = more.schema === undefined ? space : compileFeatures(more.schema)
  const sized = { ...config, embeddings: { ...config.embeddings, width } }
  const matrices = declareTower(user, item, own.tasks.length, sized)
    .set.entries()
    .map(({ name, rows, cols }) => ({
      name,
      rows,
      cols,
      data: Float32Array.from({ length: rows * cols }, () => random.nextNormal() / Math.sqrt(Math.min(rows, 16))),
    }))
  const about = {
    snapshot,
    frame,
    dataCutoffMs: 1_700_000_000_000,
    trainedRows: 123,
    config: sized,
    panel:
      more.centredCosine === undefined
        ? null
        : {
            users: 9,
            residual: 0.1,
            unalignedResidual: 0.1,
            centredCosine: more.centredCosine,
            varianceKept: 0.9,
            effectiveRank: 3,
            oldNorm: 1,
            newNorm: 1,
          },
    verdict: { status: verdict, reasons: verdict === 'held' ? ['The test holds it.'] : [], notes: [] },
  }
  const panelUsers = more.panelUsers ? Uint32Array.from(more.panelUsers.flatMap(panelUserHash)) : null
  return publishSnapshot(modelDirectory, own, matrices, about, { panel: more.panel ?? null, panelUsers })
}

/** Random rows of the user side: any ids, any numbers, any lengths. */
export function randomRows(rows: number, seed: number): SideBatch {
  const random = seededRandom(seed)
  const { dense, bags, sequence } = space.user
  const integers = (length: number, below: number) => Uint32Array.from({ length }, () => random.nextBelow(below))
  const normals = (length: number) => Float32Array.from({ length }, () => random.nextNormal())
  return {
    rows,
    dense: normals(rows * dense.length),
    bags: bags.map(({ buckets, maxValues }) => ({
      ids: integers(rows * maxValues, buckets),
      lengths: integers(rows, maxValues + 1),
    })),
    sequence: sequence && {
      ids: integers(rows * sequence.length, sequence.buckets),
      channels: normals(rows * sequence.length * sequence.channels),
      lengths: integers(rows, sequence.length + 1),
      categories: sequence.categories.map(({ buckets }) => integers(rows * sequence.length, buckets)),
    },
  }
}
