/** How a panel's embeddings moved from snapshot to snapshot, in the plane of their two principal components. */
import { interpolatedPercentiles } from '@headwater/statistics'
import type { DriftMap, SnapshotDrift, UserPath } from './console-messages.ts'
import { dot, type PrincipalComponents, principalComponents } from './principal-components.ts'

/** A user's served embedding, when it was last of a snapshot. */
export interface Position {
  readonly snapshot: number
  readonly frame: number
  /** [dim] as it is served: the average, where the policy averages. */
  readonly vector: Float32Array
}

const minUsers = 3

/** @param before axes of the map before, which this one's are turned towards */
export async function driftMap(
  model: string,
  panel: readonly (readonly Position[])[],
  before?: PrincipalComponents['axes'],
): Promise<{ readonly map: DriftMap; readonly axes: PrincipalComponents['axes'] | undefined }> {
  const newest = panel.flatMap((positions) => positions.slice(-1))
  const frame = commonFrame(newest)
  // Positions in another space cannot be drawn beside these.
  const paths = panel
    .filter((positions) => positions.at(-1)?.frame === frame)
    .map((positions) => positions.filter((each) => each.frame === frame))
  const otherFrame = newest.length - paths.length
  if (paths.length < minUsers || paths[0][0].vector.length < 2) {
    const none = { model, users: newest.length, frame: null, otherFrame, shares: null, snapshots: [], paths: [] }
    return { map: none, axes: before }
  }
  const { mean, axes, shares } = await principalComponents(
    paths.map((positions) => positions.at(-1)!.vector),
    before,
  )
  const along = (axis: Float64Array) => {
    const offset = dot(mean, axis)
    return ({ vector }: Position) => rounded(dot(vector, axis) - offset)
  }
  const [x, y] = axes.map(along)
  // Less the means, which embeddings share: with them a cosine is near 1 whatever becomes of what tells users apart.
  const moved = paths.filter(({ length }) => length > 1)
  const [now, then] = [-1, -2].map((place) => lessMean(moved.map((positions) => positions.at(place)!.vector)))
  const cosines = new Map(moved.map((positions, i) => [positions, cosine(now[i], then[i])]))
  const drawn = paths.map((positions) => ({
    snapshots: positions.map(({ snapshot }) => snapshot),
    x: positions.map(x),
    y: positions.map(y),
    cosine: cosines.get(positions) ?? null,
  }))
  const map = {
    model,
    users: newest.length,
    frame,
    otherFrame,
    shares: [rounded(shares[0]), rounded(shares[1])] as const,
    snapshots: snapshotsOf(drawn),
    paths: drawn.map((path) => ({ ...path, cosine: path.cosine === null ? null : rounded(path.cosine) })),
  }
  return { map, axes }
}

/** That of most; of two alike the later. */
function commonFrame(positions: readonly Position[]): number {
  const users = new Map<number, number>()
  for (const { frame } of positions) users.set(frame, (users.get(frame) ?? 0) + 1)
  return [...users].sort(([a, ofA], [b, ofB]) => ofB - ofA || b - a)[0]?.[0] ?? -1
}

function snapshotsOf(paths: readonly UserPath[]): readonly SnapshotDrift[] {
  const numbers = [...new Set(paths.flatMap(({ snapshots }) => snapshots))].sort((a, b) => a - b)
  return numbers.map((snapshot) => {
    const users = paths.filter(({ snapshots }) => snapshots.at(-1) === snapshot)
    const cosines = users.flatMap((path) => (path.cosine === null ? [] : [path.cosine]))
    const none = cosines.length === 0
    return {
      snapshot,
      users: users.length,
      moved: cosines.length,
      cosineMean: none ? null : rounded(cosines.reduce((sum, each) => sum + each, 0) / cosines.length),
      cosineP10: none ? null : rounded(interpolatedPercentiles(cosines, [10])[0]),
    }
  })
}

function lessMean(vectors: readonly Float32Array[]): Float64Array[] {
  const mean = new Float64Array(vectors[0]?.length ?? 0)
  for (const vector of vectors) for (let d = 0; d < mean.length; d++) mean[d] += vector[d] / vectors.length
  return vectors.map((vector) => Float64Array.from(vector, (value, d) => value - mean[d]))
}

/** 0 where either is all zeros. */
function cosine(a: Float64Array, b: Float64Array): number {
  const lengths = Math.sqrt(dot(a, a) * dot(b, b))
  return lengths === 0 ? 0 : dot(a, b) / lengths
}

const rounded = (value: number) => Number(value.toPrecision(6))
