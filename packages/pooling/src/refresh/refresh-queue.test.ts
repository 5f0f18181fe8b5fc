import { expect, it } from 'vitest'
import { poolingInMemory } from '../../testing/pooling-in-memory.ts'
import { encoderOf, startMs } from '../../testing/towers.ts'
import type { Encoder, Pooling } from '../index.ts'

const { clock, create, serveEvents } = poolingInMemory()

/** Encodes once it is let to, and fails where it is told to. */
function gatedEncoder() {
  const encoder = encoderOf(1)
  const gate = { isOpen: true, fails: false, open: null as (() => void) | null }
  const encode: Encoder['encode'] = async (...args) => {
    if (!gate.isOpen) {
      await new Promise<void>((resolve) => {
        gate.open = resolve
      })
    }
    if (gate.fails) throw new Error('the device is lost')
    return encoder.encode(...args)
  }
  return { gate, encoder: { ...encoder, encode } }
}

const servedMs = async (pooling: Pooling, user: string) =>
  (await pooling.read([user], ['m'])).models[0].featureTimeMs[0] - startMs

/** Two places, and users who are served what was known at 1 (ann) and at 3 (bob). A refresh of ann's is on its way as of 10. */
async function withAnnUnderWay() {
  const pooling = create({ maxQueue: 2, refreshOn: 'event' })
  const { gate, encoder } = gatedEncoder()
  await pooling.publish('m', encoder)
  await serveEvents(pooling, [
    ['ann', 1],
    ['bob', 3],
  ])
  gate.isOpen = false
  clock.nowMs = startMs + 10
  pooling.offer('ann', startMs + 1)
  clock.nowMs++
  const drained = pooling.drain()
  await expect.poll(() => gate.open).not.toBeNull()
  return { pooling, gate, drained }
}

it('ranks a user by the embedding that is about to land', async () => {
  const { pooling, gate, drained } = await withAnnUnderWay()
  // What ann is served is older than what bob is served, but not for long.
  expect(pooling.offer('ann', startMs + 1)).toBe(true)
  expect(pooling.offer('bob', startMs + 3)).toBe(true)
  expect([pooling.counters.shed, pooling.waiting]).toEqual([1, 1])
  gate.isOpen = true
  gate.open!()
  await drained
  clock.nowMs = startMs + 30
  await pooling.drain()
  expect([await servedMs(pooling, 'ann'), await servedMs(pooling, 'bob')]).toEqual([10, 11])
})

it('ranks a user by what is served still where that did not land', async () => {
  const { pooling, gate, drained } = await withAnnUnderWay()
  expect(pooling.offer('ann', startMs + 1)).toBe(true)
  gate.fails = true
  gate.isOpen = true
  gate.open!()
  await expect(drained).rejects.toThrow('the device is lost')
  gate.fails = false
  // Two places, one of which is ann's: the users who come now are served what is newer than what she is.
  pooling.offer('bob', startMs + 3)
  expect(pooling.offer('cy', startMs + 2)).toBe(true)
  expect([pooling.counters.shed, pooling.waiting]).toEqual([1, 2])
  clock.nowMs = startMs + 30
  await pooling.drain()
  expect([await servedMs(pooling, 'ann'), await servedMs(pooling, 'bob')]).toEqual([11, 3])
})
