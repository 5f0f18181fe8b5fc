/** A downstream model that is trained on served vectors up to the middle publication, and never again while snapshots go on. */
import { type ModelName, rowSelector } from '../../downstream/family.ts'
import { ProgressiveRun } from '../../downstream/progressive-run.ts'
import { AsOfReplay } from '../../replay/as-of-replay.ts'
import type { ServingPolicy } from '../../replay/serving-policy.ts'
import { specOf } from '../log/lab-log.ts'
import type { UpstreamPlan } from '../upstream/upstream.ts'
import type { Arm } from './arm.ts'
import { type Averaging, openSource, pooled } from './downstream-arm.ts'

/** One use of what is served. */
export interface HeldLane {
  readonly name: string
  readonly averaging: Averaging
  /** Whether the model goes on being trained all the same: what the others are held against. */
  readonly retrained: boolean
}

export interface HeldArmPlan {
  readonly name: string
  readonly title: string
  readonly seed: number
  /** `raw`: snapshots in their own coordinates. */
  readonly source: 'tower' | 'raw'
  readonly model: ModelName
  /** No snapshot is served from the middle publication on that was not before: features alone go on. Absent: each one is. */
  readonly keepsTower?: true
  readonly policy: ServingPolicy
  readonly lanes: readonly HeldLane[]
  readonly upstream: UpstreamPlan
}

/**
 * Half of the publications are there to be trained by, half to go on without. For every row of the model behind the middle one:
 * columns with each lane's logits by its name, and `label`, `user`, a number, and `publication`, that of the last one before the
 * row.
 */
export function heldArm(plan: HeldArmPlan): Arm {
  const { name, title, seed, upstream, ...settings } = plan
  return {
    name,
    title,
    seed,
    settings: { kind: 'held', ...settings },
    upstream,
    run: async ({ device, lab, stages, signal }, trained) => {
      const { space, log } = lab
      const { publications } = trained!
      const spec = specOf(lab, plan.model)
      const middle = publications.length >> 1
      const fromRow = publications[middle].row
      const frames = plan.source === 'tower' ? publications.map(({ frame }) => frame) : null
      const about = { label: [] as number[], user: [] as number[], publication: [] as number[] }
      const users = new Map<string, number>()
      const selects = rowSelector(space, spec)
      const labels = new Uint8Array(space.tasks.length)
      const weights = new Float32Array(space.tasks.length)
      const source = await openSource(device, space, plan, trained!)
      const runs: { readonly lane: HeldLane; readonly run: ProgressiveRun }[] = []
      stages.begin(title, log.rows)
      try {
        for (const lane of plan.lanes) {
          const options = { device, space, spec, dim: source.dim, flags: true, seed, keptFrom: fromRow }
          const run = new ProgressiveRun({ ...options, ...(!lane.retrained && { deployedAt: [fromRow] }) })
          runs.push({ lane, run })
        }
        const slots = Math.max(...plan.lanes.map(({ averaging }) => averaging.weights.length))
        const served = plan.keepsTower ? publications.slice(0, middle) : publications
        const publishedMs = served.map((own) => own.publishedMs)
        const replay = new AsOfReplay<Float32Array>(
          { space, log, policy: plan.policy, slots, publishedMs, signal },
          source,
        )
        for await (const block of replay.blocks()) {
          const ageMs = Float64Array.from(block.held, ([newest], row) =>
            newest === undefined ? 0 : block.events[row].timeMs - newest.featureTimeMs,
          )
          for (const { lane, run } of runs) {
            const vectors = block.held.map((held) => (held.length === 0 ? null : pooled(held, lane.averaging, frames)))
            await run.add(block, vectors, ageMs)
          }
          for (const event of block.events) {
            if (event.row < fromRow) continue
            space.labels(event, labels, weights)
            if (!selects(event, labels, weights)) continue
            if (!users.has(event.user)) users.set(event.user, users.size)
            about.label.push(labels[spec.task])
            about.user.push(users.get(event.user)!)
            about.publication.push(publications.filter(({ row }) => row <= event.row).length - 1)
          }
          stages.advance(block.events[block.rows - 1].row + 1)
        }
        const columns: Record<string, Float32Array> = {}
        for (const { lane, run } of runs) columns[lane.name] = await run.finish()
        stages.end()
        for (const [column, values] of Object.entries(about)) columns[column] = Float32Array.from(values)
        return { columns, figures: {} }
      } finally {
        for (const { run } of runs) run.dispose()
        source.dispose()
      }
    },
  }
}
