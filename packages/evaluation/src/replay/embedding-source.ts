/** What stands in a served embedding's place: the trained tower, and the controls that it must beat. */
import { floatToHalf, halfToFloat } from '@headwater/binary16'
import { compileFeatures, type FeatureSpace, murmur3, type SideBatch } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { loadUserTower, ownItemVectors, snapshotConfig } from '@headwater/runtime'
import { type ItemVectors, readSnapshot, type Snapshot } from '@headwater/snapshot'
import { seededRandom } from '@headwater/statistics'
import type { CaptureEncoder } from './as-of-replay.ts'

/** Gives the vectors of users' features, or of users. */
export interface EmbeddingSource extends CaptureEncoder<Float32Array> {
  /** Numbers of a vector; 0 where nothing but the flags is served. */
  readonly dim: number
  /** Of the snapshots, in the coordinates of their vectors; of others null. Absent: of none. */
  readonly items?: readonly (ItemVectors | null)[]
  dispose(): void
}

/**
 * Towers of published snapshots.
 * @param align false: in each snapshot's own coordinates, as if none had been lined up with the one before
 * @throws SnapshotError and what the device throws
 */
export async function towerSource(
  device: GpuDevice,
  directories: readonly string[],
  align = true,
): Promise<EmbeddingSource> {
  const towers: HalfTower[] = []
  const items: (ItemVectors | null)[] = []
  const dispose = () => {
    for (const tower of towers) void tower.dispose()
  }
  try {
    for (const directory of directories) {
      const snapshot = await readSnapshot(directory)
      towers.push(await halfTower(device, align ? snapshot : { ...snapshot, alignment: null }))
      items.push(align ? snapshot.items : ownItems(snapshot))
    }
  } catch (cause) {
    dispose()
    throw cause
  }
  const { dim } = towers[0]
  return {
    dim,
    items,
    // As the store holds them.
    encode: async (snapshot, batch) => {
      const halves = await towers[snapshot].encodeHalf(batch)
      return rowsOf(Float32Array.from(halves, halfToFloat), batch.rows, dim)
    },
    dispose,
  }
}

interface HalfTower {
  readonly dim: number
  encodeHalf(batch: SideBatch): Promise<Uint16Array>
  dispose(): Promise<void> | void
}

async function halfTower(device: GpuDevice, snapshot: Snapshot): Promise<HalfTower> {
  if (snapshot.manifest.external === undefined) {
    const { encoder, dispose } = loadUserTower(device, snapshot)
    return { dim: encoder.dim, encodeHalf: (batch) => encoder.encodeHalf(batch), dispose }
  }
  const { loadExternalTower } = await import('@headwater/external')
  const tower = await loadExternalTower(snapshot)
  const encodeHalf = async (batch: SideBatch) => Uint16Array.from(await tower.encode(batch), floatToHalf)
  return { dim: tower.dim, encodeHalf, dispose: () => tower.dispose() }
}

const ownItems = (snapshot: Snapshot) =>
  ownItemVectors(snapshotConfig(snapshot), compileFeatures(snapshot.schema).user, snapshot.matrices)

/** One tower whatever the snapshot: the untrained control. */
export async function fixedTowerSource(device: GpuDevice, directory: string): Promise<EmbeddingSource> {
  const source = await towerSource(device, [directory])
  return { ...source, encode: (_, batch, users) => source.encode(0, batch, users) }
}

/** Users whose random vectors are kept: most who are refreshed were not long ago. */
const keptUsers = 8192

/** A control: a fixed standard normal vector for each user, which knows nothing but who it is. */
export function randomVectors(seed: number, dim: number) {
  const kept = new Map<string, Float32Array>()
  const draw = (user: string) => {
    const random = seededRandom(murmur3(user, seed))
    const vector = Float32Array.from({ length: dim }, () => random.nextNormal())
    if (kept.size === keptUsers) kept.clear()
    kept.set(user, vector)
    return vector
  }
  return async (_batch: SideBatch, users: readonly string[]): Promise<Float32Array> => {
    const vectors = new Float32Array(users.length * dim)
    for (const [u, user] of users.entries()) vectors.set(kept.get(user) ?? draw(user), u * dim)
    return vectors
  }
}

export function randomSource(seed: number, dim: number): EmbeddingSource {
  const vectors = randomVectors(seed, dim)
  return {
    dim,
    encode: async (_, batch, users) => rowsOf(await vectors(batch, users), users.length, dim),
    dispose() {},
  }
}

/**
 * Makes a vector of a user's dense features as the tower has them: standardized where it standardizes.
 * @param matrices of the tower
 */
export function towerFeatures(matrices: Snapshot['matrices']): (dense: Float32Array) => Float32Array {
  const [center, scale] = ['center', 'scale'].map((name) => matrices.get(`user.dense.${name}`)?.data)
  if (center === undefined || scale === undefined) return (dense) => dense.slice()
  return (dense) => dense.map((value, f) => (value - center[f]) * scale[f])
}

/** The tower's dense input features, given to the downstream models. @param matrices of the tower */
export function featureSource({ user }: FeatureSpace, matrices: Snapshot['matrices']): EmbeddingSource {
  const dim = user.dense.length
  const vectorOf = towerFeatures(matrices)
  return {
    dim,
    encode: async (_, batch: SideBatch, users) => rowsOf(batch.dense, users.length, dim).map(vectorOf),
    dispose() {},
  }
}

/** Nothing but whether something would be served, and how old it would be. */
export const flagSource: EmbeddingSource = {
  dim: 0,
  encode: async (_, __, users) => users.map(() => new Float32Array(0)),
  dispose() {},
}

function rowsOf(values: Float32Array, rows: number, dim: number): Float32Array[] {
  return Array.from({ length: rows }, (_, row) => values.slice(row * dim, (row + 1) * dim))
}
