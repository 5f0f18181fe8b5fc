/** How far the same users' vectors move from snapshot to snapshot, on identical features. Shape letters: S snapshots. */
import { join } from 'node:path'
import { Replay, timeGroups } from '@headwater/features'
import { linearCka } from '../../geometry/cka.ts'
import { drift } from '../../geometry/drift.ts'
import { principalPlane } from '../../geometry/principal-plane.ts'
import type { Capture } from '../../replay/as-of-replay.ts'
import { towerSource } from '../../replay/embedding-source.ts'
import { panelOf } from '../../replay/panel.ts'
import { type Averaging, pooled } from '../../replay/pooled.ts'
import type { UpstreamPlan } from '../upstream/upstream.ts'
import { type Arm, armOf, floatColumns } from './arm.ts'

/** Users compared, and those of them that are drawn. */
const panelUsers = 1000
const drawnUsers = 40

export interface PanelArmPlan {
  readonly name: string
  readonly title: string
  readonly seed: number
  readonly upstream: UpstreamPlan
  /** False: in each snapshot's own coordinates. */
  readonly aligned: boolean
  /** What is served in place of single snapshots, from as many as have been published so far. */
  readonly averaging: Averaging
  /** Publications between two snapshots that are compared beside neighbours, fewer than there are snapshots. */
  readonly apart: number
}

/**
 * Columns `cosine`, `relativeL2` and `cka` hold a number for each pair of neighbouring snapshots [S − 1], `averageCosine` and
 * `averageRelativeL2` one for the averages that are served as of them [S − 1], `cosineApart` and `relativeL2Apart` one for each pair
 * that lies further apart [S − apart], `mapX` and `mapY` the places of the drawn
 * users in the plane in which all vectors spread most, snapshot after snapshot [S, drawn].
 */
export function panelArm(plan: PanelArmPlan): Arm {
  const { title, aligned, averaging, apart } = plan
  return armOf('panel', plan, async ({ device, lab, stages, signal }, trained) => {
    const { space, log, test } = lab
    const replay = new Replay(space)
    const users = new Set<string>()
    stages.begin(title, test.fromRow)
    for await (const group of timeGroups(log.events())) {
      signal?.throwIfAborted()
      if (group[0].row >= test.fromRow) break
      replay.ingest(group)
      for (const { user } of group) users.add(user)
      stages.advance(group[group.length - 1].row + 1)
    }
    const panel = panelOf([...users], panelUsers)
    const batch = space.allocate('user', panel.length)
    for (const [row, user] of panel.entries()) space.encodeUser(batch, row, replay.userState(user), test.fromMs)
    const { publications, directory } = trained!
    const snapshots = publications.map(({ snapshot }) => join(directory, snapshot))
    const source = await towerSource(device, snapshots, aligned)
    try {
      const { dim } = source
      const bySnapshot: (readonly Float32Array[])[] = []
      for (const k of snapshots.keys()) bySnapshot.push(await source.encode(k, batch, panel))
      const frames = aligned ? publications.map(({ frame }) => frame) : null
      const vectors = bySnapshot.map((rows) => joined(rows, dim))
      const averages = servedAverages(bySnapshot, averaging, frames).map((rows) => joined(rows, dim))
      const pairs = vectors.slice(1).map((after, k) => ({
        ...drift(vectors[k], after, dim),
        cka: linearCka(vectors[k], after, dim),
        average: drift(averages[k], averages[k + 1], dim),
      }))
      const distant = vectors.slice(apart).map((after, k) => drift(vectors[k], after, dim))
      const drawn = Math.min(drawnUsers, panel.length)
      const shown = vectors.map((all) => all.subarray(0, drawn * dim))
      const map = principalPlane(joined(shown, drawn * dim), dim)
      stages.end()
      const columns = {
        cosine: pairs.map(({ cosine }) => cosine),
        relativeL2: pairs.map(({ relativeL2 }) => relativeL2),
        cka: pairs.map(({ cka }) => cka),
        averageCosine: pairs.map(({ average }) => average.cosine),
        averageRelativeL2: pairs.map(({ average }) => average.relativeL2),
        cosineApart: distant.map(({ cosine }) => cosine),
        relativeL2Apart: distant.map(({ relativeL2 }) => relativeL2),
        mapX: map.filter((_, i) => i % 2 === 0),
        mapY: map.filter((_, i) => i % 2 === 1),
      }
      return { columns: floatColumns(columns), figures: { panelUsers: panel.length, drawnUsers: drawn } }
    } finally {
      source.dispose()
    }
  })
}

/**
 * What is served of vectors of the same features, as of each snapshot: averages of as many as have been published by then.
 * @param bySnapshot [S][U], oldest first
 * @param frames [S]; null: whatever the frames
 * @returns [S][U]
 */
export function servedAverages(
  bySnapshot: readonly (readonly Float32Array[])[],
  averaging: Averaging,
  frames: readonly number[] | null,
): Float32Array[][] {
  return bySnapshot.map((newest, k) =>
    newest.map((_, user) => {
      const held = Array.from({ length: k + 1 }, (__, back): Capture<Float32Array> => {
        return { snapshot: k - back, featureTimeMs: 0, value: bySnapshot[k - back][user] }
      })
      return pooled(held, averaging, frames)
    }),
  )
}

function joined(parts: readonly Float32Array[], width: number): Float32Array {
  const all = new Float32Array(parts.length * width)
  for (const [i, part] of parts.entries()) all.set(part, i * width)
  return all
}
