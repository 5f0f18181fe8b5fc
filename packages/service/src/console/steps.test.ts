/** How the page's charts join steps of time. The page is plain JavaScript, which the compiler checks by itself. */
import { describe, expect, it } from 'vitest'

interface Step {
  readonly atMs: number
  readonly from: number
  readonly to: number
}
const { joinedSteps, eachStep } = await import(new URL('../../console/steps.js', import.meta.url).href)

const stepMs = 2_000
/** Ends of steps, as timers give them: a little late, by more and more. */
const timesOf = (steps: number, fromMs: number) => Array.from({ length: steps }, (_, i) => fromMs + i * 2_003)

describe('bars', () => {
  it.each([
    { steps: 450, width: 620, lengthMs: 10_000 },
    { steps: 450, width: 260, lengthMs: 30_000 },
    { steps: 60, width: 620, lengthMs: 2_000 },
    { steps: 450, width: 6_000, lengthMs: 2_000 },
  ])(
    'of $steps steps in $width px are wide enough to be seen, and hold each step once',
    ({ steps, width, lengthMs }) => {
      const atMs = timesOf(steps, 1_700_000_000_123)
      const span = { fromMs: atMs[0] - 1, toMs: atMs[steps - 1], stepMs, name: '' }
      const joined: { steps: Step[]; lengthMs: number } = joinedSteps({ atMs }, span, width)
      expect(joined.lengthMs).toBe(lengthMs)
      const bars = (span.toMs - span.fromMs) / lengthMs
      if (lengthMs > stepMs) expect(width / bars).toBeGreaterThanOrEqual(6)
      expect(joined.steps.flatMap(({ from, to }) => atMs.slice(from, to))).toEqual(atMs)
      for (const [i, { atMs: middle, from, to }] of joined.steps.entries()) {
        if (i > 0) expect(middle - joined.steps[i - 1].atMs).toBe(lengthMs)
        for (const ms of atMs.slice(from, to)) expect(Math.abs(ms - middle)).toBeLessThanOrEqual(lengthMs / 2)
      }
    },
  )

  it('are none where nothing is in the time shown', () => {
    const span = { fromMs: 9_000, toMs: 10_000, stepMs, name: '' }
    for (const atMs of [[], [1_000, 3_000]]) expect(joinedSteps({ atMs }, span, 600).steps).toEqual([])
  })
})

describe('lines', () => {
  it('end where the service was away, and begin after', () => {
    const atMs = [1_000, 3_000, 5_000, 60_000, 62_000]
    const span = { fromMs: 1_000, toMs: 62_000, stepMs, name: '' }
    const steps: Step[] = eachStep({ atMs }, span)
    expect(steps.map(({ atMs: at }) => at)).toEqual([3_000, 5_000, 7_000, 60_000, 62_000])
    expect(steps.map(({ from, to }) => atMs.slice(from, to))).toEqual([[3_000], [5_000], [], [60_000], [62_000]])
  })
})
