/** What reads miss, against counts made from the log alone. */
import { beforeAll, describe, expect, test } from 'vitest'
import { policyOf, type ServingMode, servingModes } from '../../experiments/common-arms.ts'
import { silent } from '../../testing/small-job.ts'
import { readSmallLab } from '../../testing/small-lab.ts'
import { memoryLog, minuteMs, smallEvents, smallSchema } from '../../testing/small-log.ts'
import type { LabLog } from '../log/lab-log.ts'
import type { ArmRun } from './arm.ts'
import { coverageArm, noVector } from './coverage-arm.ts'

const events = smallEvents(1500, 7)
/** The log is shorter than a day. */
const hourly = { kind: 'batch', everyMs: 60 * minuteMs } as const
let lab: LabLog
const lags = new Map<ServingMode, Float32Array>()

beforeAll(async () => {
  lab = await readSmallLab(memoryLog(smallSchema, events))
  // It trains nothing and computes nothing: there is no device.
  const context = { lab, stages: silent, signal: undefined } as ArmRun
  for (const mode of servingModes) {
    const plan = {
      name: mode,
      title: mode,
      policy: mode === 'daily' ? hourly : policyOf(mode, lab),
      frozen: mode === 'frozen',
    }
    lags.set(mode, (await coverageArm(plan).run(context, null)).columns.lagMs)
  }
})

/** Times of the user's earlier events. */
const earlier = (place: number) => {
  const { user, timeMs } = events[lab.test.fromRow + place]
  return events.filter((own) => own.user === user && own.timeMs < timeMs).map((own) => own.timeMs)
}

/** How long before the row the first of the times was, as the column has it. */
const lagOf = (place: number, times: readonly number[]) =>
  times.length === 0 ? 0 : events[lab.test.fromRow + place].timeMs - Math.min(...times)

test('publications are at the last events before their rows', async () => {
  expect(lab.publishedMs).toEqual(lab.publicationRows.map((row) => latestBefore(row)))
})

/** Events of one time are not cut: a publication is before the first group that begins at its row or later. */
function latestBefore(row: number): number {
  const begins = events[row - 1].timeMs !== events[row].timeMs
  return events[(begins ? row : groupEnd(row)) - 1].timeMs
}

function groupEnd(row: number): number {
  let end = row
  while (end < events.length && events[end].timeMs === events[row].timeMs) end++
  return end
}

describe('the oldest event that a vector does not know', () => {
  test('synchronous: none; who has no event has no vector', () => {
    lags.get('synchronous')!.forEach((lagMs, place) => {
      expect(lagMs).toBe(earlier(place).length === 0 ? noVector : 0)
    })
  })

  test('frozen: the first since then', () => {
    const { fromMs } = lab.test
    lags.get('frozen')!.forEach((lagMs, place) => {
      const times = earlier(place)
      const known = times.filter((ms) => ms < fromMs)
      if (known.length === 0) expect(lagMs).toBe(noVector)
      else if (known.every((ms) => ms < fromMs - 3 * minuteMs))
        expect(lagMs).toBe(
          lagOf(
            place,
            times.filter((ms) => ms >= fromMs),
          ),
        )
    })
  })

  test('asynchronous: at most the refresh’s delay old', () => {
    const { refreshDelayMs } = lab.settings
    lags.get('asynchronous')!.forEach((lagMs, place) => {
      if (lagMs === noVector) return
      expect(lagMs).toBeLessThanOrEqual(refreshDelayMs)
      const { timeMs } = events[lab.test.fromRow + place]
      const landed = earlier(place).filter((ms) => ms + refreshDelayMs < timeMs)
      if (landed.length === earlier(place).length) expect(lagMs).toBe(0)
    })
  })

  test('in batches: the first since the last boundary', () => {
    let unknown = 0
    lags.get('daily')!.forEach((lagMs, place) => {
      const { timeMs } = events[lab.test.fromRow + place]
      const boundary = Math.floor(timeMs / hourly.everyMs) * hourly.everyMs
      const since = earlier(place).filter((ms) => ms >= boundary)
      if (since.length === earlier(place).length) expect(lagMs).toBe(noVector)
      else expect(lagMs).toBe(lagOf(place, since))
      if (lagMs > 0) unknown++
    })
    expect(unknown).toBeGreaterThan(50)
  })
})
