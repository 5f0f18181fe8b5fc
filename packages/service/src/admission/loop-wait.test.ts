import { performance } from 'node:perf_hooks'
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { LoopWait } from './loop-wait.ts'

/** Keeps the loop from what comes. */
function work(ms: number): void {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}

/** @returns how long a request that came now would be said to have waited, a turn of its own after a sleep */
async function afterSleep(loop: LoopWait): Promise<number> {
  const idleMs = performance.nodeTiming.idleTime
  while (performance.nodeTiming.idleTime - idleMs < 1) await wait(5)
  return loop.waitedMs(performance.now())
}

it('is none of what the loop was waiting for', async () => {
  const loop = new LoopWait()
  expect(await afterSleep(loop)).toBe(0)
  await turn()
  expect(await afterSleep(loop)).toBe(0)
})

it('is the work of the same turn before it, and of the turn before that', async () => {
  const loop = new LoopWait()
  await afterSleep(loop)
  const startMs = performance.now()
  work(20)
  const inTurnMs = loop.waitedMs(performance.now())
  expect(inTurnMs).toBeGreaterThanOrEqual(20)
  expect(inTurnMs).toBeLessThanOrEqual(performance.now() - startMs + 1)
  // No sleep between: it may have come as the turn before began.
  await turn()
  expect(loop.waitedMs(performance.now())).toBeGreaterThanOrEqual(20)
  work(20)
  await turn()
  const nextMs = loop.waitedMs(performance.now())
  expect(nextMs).toBeGreaterThanOrEqual(20)
  expect(nextMs).toBeLessThan(performance.now() - startMs)
})

it('knows what a request that is let in takes', async () => {
  const loop = new LoopWait()
  for (let i = 0; i < 60; i++) {
    // Of four in a turn one is let in, and works.
    for (let request = 0; request < 4; request++) loop.waitedMs(performance.now())
    loop.letIn()
    work(2)
    await turn()
  }
  expect(loop.serviceMs).toBeGreaterThanOrEqual(1.9)
})
