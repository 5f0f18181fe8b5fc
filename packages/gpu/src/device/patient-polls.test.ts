import { expect, it } from 'vitest'
import { beginWait } from './patient-polls.ts'

/** Waits as Dawn does: asks at every turn that the global `setImmediate` gives it, until `done`. */
const waitLikeDawn = (done: () => boolean): Promise<void> =>
  new Promise((resolve) => {
    const poll = () => {
      if (done()) resolve()
      else setImmediate(poll)
    }
    setImmediate(poll)
  })

it('leaves turns of the event loop between the polls of a long wait, and other callers their setImmediate', async () => {
  const usual = globalThis.setImmediate
  const startMs = performance.now()
  let [turns, polls] = [0, 0]
  let waiting = true
  const turn = () => {
    turns++
    expect(globalThis.setImmediate).toBe(usual)
    if (waiting) setImmediate(turn)
  }
  await beginWait(() => {
    expect(globalThis.setImmediate).not.toBe(usual)
    return waitLikeDawn(() => {
      // From here on, polls are apart.
      if (performance.now() - startMs < 20) return false
      if (polls === 0) usual(turn)
      return ++polls > 20
    })
  })
  waiting = false
  expect(turns).toBeGreaterThan(2 * polls)
})

it('polls at once for a wait that begins during the pause of another', async () => {
  const startMs = performance.now()
  let [polls, before] = [0, 0]
  let isPaused = () => {}
  const paused = new Promise<void>((resolve) => {
    isPaused = resolve
  })
  const long = beginWait(() =>
    waitLikeDawn(() => {
      polls++
      if (performance.now() - startMs > 60) isPaused()
      return polls > before && before > 0
    }),
  )
  await paused
  before = polls
  beginWait(() => {})
  await new Promise(setImmediate)
  expect(polls).toBe(before + 1)
  await long
})
