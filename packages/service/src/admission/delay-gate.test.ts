import { expect, it } from 'vitest'
import { DelayGate, fewRequests, intervalMs } from './delay-gate.ts'

/** A gate with a target of 10 ms, and requests at it, a millisecond after one another. */
function gateFrom(startMs: number) {
  const gate = new DelayGate()
  let nowMs = startMs
  /** @returns how many of them were let in */
  const come = (requests: number, waitedMs: (request: number) => number, turnMs = (_: number) => 10, isFew = false) => {
    let letIn = 0
    for (let i = 0; i < requests; i++)
      if (gate.letsIn(waitedMs(i), 10, nowMs++, turnMs(i), isFew ? letIn : fewRequests)) letIn++
    return letIn
  }
  return { come }
}

it('lets a burst pass, however long it waited, where a request now and then does not wait', () => {
  const { come } = gateFrom(1_000)
  expect(come(10 * intervalMs, (i) => (i % 50 === 0 ? 10 : 5_000))).toBe(10 * intervalMs)
})

it('sheds what is more than half a target of work in a turn, once the queue has stood for an interval', () => {
  const { come } = gateFrom(1_000)
  const inTurns = (i: number) => i % 20
  expect(come(intervalMs, () => 11)).toBe(intervalMs)
  expect(come(500, () => 5_000, inTurns)).toBe(125)
  // As turns are short then, nothing waits for long; that is no sign that less has come.
  expect(come(500, () => 9, inTurns)).toBe(125)
})

it('begins each turn with eight requests, however long they have waited and however long the turn is', () => {
  const { come } = gateFrom(1_000)
  come(intervalMs, () => 11)
  const inTurn = () =>
    come(
      20,
      () => 5_000,
      () => 500,
      true,
    )
  expect([inTurn(), inTurn()]).toEqual([8, 8])
})

it('ends once all that came in an interval was let in', () => {
  const { come } = gateFrom(1_000)
  const early = () => 4
  come(2 * intervalMs, () => 11)
  expect(come(intervalMs / 2, () => 9, early)).toBe(intervalMs / 2)
  expect(come(1, () => 9)).toBe(0)
  expect(come(intervalMs + 2, () => 9, early)).toBe(intervalMs + 2)
  expect(come(intervalMs, () => 11)).toBe(intervalMs)
})
