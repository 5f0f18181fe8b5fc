/** How far the same users' vectors move from snapshot to snapshot, on identical features. Shape letters: S snapshots. */
import { join } from 'node:path'
import { Replay, timeGroups } from '@headwater/features'
import { drift } from '../../drift.ts'
import { linearCka } from '../analysis/cka.ts'
import { principalPlane } from '../analysis/principal-plane.ts'
import type { UpstreamPlan } from '../lab/upstream.ts'
import { towerSource } from '../replay/embedding-source.ts'
import type { Arm } from './arm.ts'

/** Users compared, and those of them that are drawn. */
const panelUsers = 1000
const drawnUsers = 40

/**
 * Columns `cosine`, `relativeL2` and `cka` hold a number for each pair of neighbouring snapshots [S − 1], `mapX` and `mapY`
 * the places of the drawn users in the plane in which all vectors spread most, snapshot after snapshot [S, drawn].
 * @param aligned false: in each snapshot's own coordinates
 */
export function panelArm(name: string, title: string, seed: number, upstream: UpstreamPlan, aligned: boolean): Arm {
  return {
    name,
    title,
    seed,
    settings: { kind: 'panel', aligned },
    upstream,
    run: async ({ device, lab, stages, signal }, trained) => {
      const { space, log, test } = lab
      const replay = new Replay(space)
      const users: string[] = []
      const seen = new Set<string>()
      stages.begin(title, test.fromRow)
      for await (const group of timeGroups(log.events())) {
        signal?.throwIfAborted()
        if (group[0].row >= test.fromRow) break
        replay.ingest(group)
        for (const { user } of group) {
          if (seen.has(user)) continue
          seen.add(user)
          users.push(user)
        }
        stages.advance(group[group.length - 1].row + 1)
      }
      const step = Math.max(1, users.length / panelUsers)
      const count = Math.min(panelUsers, users.length)
      const panel = Array.from({ length: count }, (_, i) => users[Math.floor(i * step)])
      const batch = space.allocate('user', panel.length)
      for (const [row, user] of panel.entries()) space.encodeUser(batch, row, replay.userState(user), test.fromMs)
      const snapshots = trained!.publications.map(({ snapshot }) => join(trained!.directory, snapshot))
      const source = await towerSource(device, snapshots, aligned)
      try {
        const vectors: Float32Array[] = []
        for (const k of snapshots.keys()) vectors.push(joined(await source.encode(k, batch, panel), source.dim))
        const pairs = vectors.slice(1).map((after, k) => ({
          ...drift(vectors[k], after, source.dim),
          cka: linearCka(vectors[k], after, source.dim),
        }))
        const drawn = Math.min(drawnUsers, panel.length)
        const shown = vectors.map((all) => all.subarray(0, drawn * source.dim))
        const map = principalPlane(joined(shown, drawn * source.dim), source.dim)
        stages.end()
        return {
          columns: {
            cosine: Float32Array.from(pairs, ({ cosine }) => cosine),
            relativeL2: Float32Array.from(pairs, ({ relativeL2 }) => relativeL2),
            cka: Float32Array.from(pairs, ({ cka }) => cka),
            mapX: Float32Array.from({ length: map.length / 2 }, (_, i) => map[2 * i]),
            mapY: Float32Array.from({ length: map.length / 2 }, (_, i) => map[2 * i + 1]),
          },
          figures: { panelUsers: panel.length, drawnUsers: drawn },
        }
      } finally {
        source.dispose()
      }
    },
  }
}

function joined(parts: readonly Float32Array[], width: number): Float32Array {
  const all = new Float32Array(parts.length * width)
  for (const [i, part] of parts.entries()) all.set(part, i * width)
  return all
}
