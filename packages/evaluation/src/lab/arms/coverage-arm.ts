/** What the vectors of a serving mode know of their users when they are read. No tower is needed to tell. */
import { AsOfReplay, type CaptureEncoder } from '../../replay/as-of-replay.ts'
import { type Arm, armOf, type ServedArmPlan } from './arm.ts'

const nothing: CaptureEncoder<true> = { encode: async (_, __, users) => users.map(() => true) }

/** In place of a lag where no vector is held. */
export const noVector = -1

/**
 * Column `lagMs` holds for every row of the test window how long ago the oldest event of its user was that the vector does
 * not know: 0 where it knows all events before the row, `noVector` where there is none.
 */
export function coverageArm(plan: ServedArmPlan): Arm {
  const { title, policy, frozen } = plan
  return armOf('coverage', plan, async ({ lab, stages, signal }) => {
    const { log, space, test } = lab
    const lagMs = new Float32Array(test.rows)
    /** Of each user, events that the vector does not know as far as was read, oldest first. */
    const unknown = new Map<string, number[]>()
    stages.begin(title, log.rows)
    const frozenFrom = frozen && { frozenFromMs: test.fromMs }
    const { publishedMs } = lab
    const replay = new AsOfReplay<true>({ space, log, policy, ...frozenFrom, slots: 1, publishedMs, signal }, nothing)
    for await (const { events, held, groupEnds, rows } of replay.blocks()) {
      let from = 0
      for (const end of groupEnds) {
        for (let row = from; row < end; row++) {
          const { user, timeMs, row: logRow } = events[row]
          const [vector] = held[row]
          const times = unknown.get(user) ?? []
          if (vector !== undefined) while (times.length > 0 && times[0] <= vector.featureTimeMs) times.shift()
          if (logRow < test.fromRow) continue
          lagMs[logRow - test.fromRow] = vector === undefined ? noVector : timeMs - (times[0] ?? timeMs)
        }
        for (const { user, timeMs } of events.slice(from, end)) {
          const times = unknown.get(user) ?? []
          times.push(timeMs)
          unknown.set(user, times)
        }
        from = end
      }
      stages.advance(events[rows - 1].row + 1)
    }
    stages.end()
    return { columns: { lagMs }, figures: {} }
  })
}
