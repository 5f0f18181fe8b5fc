/** The upstream's own predictions, its user features as of what a serving policy has. */
import { join } from 'node:path'
import type { SideBatch } from '@headwater/features'
import { AsOfReplay } from '../../replay/as-of-replay.ts'
import { openHeads, userRows } from '../../replay/upstream-head.ts'
import { type UpstreamPlan, upstreamEvents } from '../upstream/upstream.ts'
import { labOf } from '../upstream/variant.ts'
import { type Arm, armOf, type ServedArmPlan } from './arm.ts'

/** Column `head` holds the logits of the first task of the test window's rows whose label is known. */
export function headArm(seed: number, upstream: UpstreamPlan, plan: ServedArmPlan): Arm {
  const { title, policy, frozen } = plan
  return armOf('head', { ...plan, seed, upstream }, async ({ device, lab: whole, stages, signal }, trained) => {
    const lab = labOf(whole, upstream.variant)
    const { space, log, test } = lab
    const { directory, publications, towerParameters, taughtRows, trainingFlops, encodeFlops } = trained!
    const publishedMs = publications.map((publication) => publication.publishedMs)
    const logits = new Float32Array(test.rows)
    const snapshots = publications.map(({ snapshot }) => join(directory, snapshot))
    const heads = await openHeads(device, space, snapshots, logits)
    // Whom nothing is held of is scored as a user without events.
    const nobody = space.allocate('user', 1)
    space.encodeUser(nobody, 0, space.newUserState(), log.timeRange.firstMs)
    const replay = new AsOfReplay<SideBatch>(
      {
        space,
        log,
        policy,
        ...(frozen && { frozenFromMs: test.fromMs }),
        slots: 1,
        publishedMs,
        ingests: upstreamEvents(lab, upstream),
        signal,
      },
      userRows(space),
    )
    stages.begin(title, log.rows)
    try {
      for await (const block of replay.blocks()) {
        for (const [row, event] of block.events.entries()) {
          const place = event.row - test.fromRow
          if (place < 0) continue
          const [held] = block.held[row]
          const untilMs = frozen ? Math.min(event.timeMs, test.fromMs) : event.timeMs
          const latest = publishedMs.filter((ms) => ms < untilMs).length - 1
          await heads.add(held?.snapshot ?? latest, held?.value ?? nobody, block.item, row, place)
        }
        stages.advance(block.events[block.rows - 1].row + 1)
      }
      await heads.finish()
    } finally {
      heads.dispose()
    }
    stages.end()
    const head = Float32Array.from(test.models.ranking.places, (place) => logits[place])
    return { columns: { head }, figures: { towerParameters, taughtRows, trainingFlops, encodeFlops } }
  })
}
