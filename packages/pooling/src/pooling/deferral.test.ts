import { createReadBuffer } from '@headwater/store'
import { describe, expect, it } from 'vitest'
import { openLmdb } from '../../testing/lmdb-stores.ts'
import { dim, encoderOf, eventOf, space, startMs } from '../../testing/towers.ts'
import { assertAsOf, createPooling, type Encoder, PoolingConfigError } from '../index.ts'

describe('putting draining off', () => {
  /**
   * Replays a random log with three publications; `lazy` drains only where a result is needed, `ahead` ingests events of up to
   * ten due refreshes before it reads what their users were served.
   */
  async function replay(
    seed: number,
    mode: 'eager' | 'lazy' | 'ahead',
    slot: 'snapshot' | 'refresh',
    refreshOn: 'event' | 'both',
  ) {
    const store = await openLmdb()
    const clock = { nowMs: startMs, now: () => clock.nowMs }
    const models = [
      { name: 'm', dim, policy: { count: 3, slot } },
      { name: 'late', dim, policy: { count: 2, slot } },
    ]
    const pooling = createPooling({ store, space, models, clock, refreshOn, batchSize: 5, refreshDelayMs: 1_000 })
    const random = (n: number) => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
      return Math.floor((seed / 2 ** 32) * n)
    }
    const served: number[][] = []
    let calls = 0
    const counted = (encoder: Encoder): Encoder => ({
      ...encoder,
      encode: (batch, users) => {
        calls++
        return encoder.encode(batch, users)
      },
    })
    const read = async (users: readonly string[]) => {
      const batch = await pooling.read(users, ['m', 'late'], { latest: true })
      assertAsOf(batch, clock.nowMs, () => startMs)
      for (const { vectors, latest, status, snapshot, featureTimeMs } of batch.models) {
        served.push([...vectors, ...latest!, ...status, ...snapshot, ...featureTimeMs])
      }
    }
    const ahead: { users: readonly string[]; atMs: number }[] = []
    const readAhead = async () => {
      const { nowMs } = clock
      const landing = await pooling.computeDue()
      for (const { users, atMs } of ahead.splice(0)) {
        clock.nowMs = atMs
        await landing.land(users)
        await read(users)
      }
      clock.nowMs = nowMs
      await landing.landAll()
    }
    for (let step = 0; step < 500; step++) {
      const isPublication = step % 150 === 100
      if (isPublication && mode === 'ahead') await readAhead()
      clock.nowMs += [0, 1, 300, 700, 1_000, 2_500][random(6)]
      if (isPublication) {
        if (mode === 'eager') await pooling.drain()
        await pooling.publish(step === 250 ? 'late' : 'm', counted(encoderOf(step, step === 400 ? 1 : 0)))
      }
      const users = Array.from({ length: 1 + random(3) }, () => `u${random(12)}`)
      if (mode === 'ahead') ahead.push({ users, atMs: clock.nowMs })
      else {
        if (mode === 'eager' || pooling.hasDue(users) || pooling.due >= 40) await pooling.drain()
        await read(users)
      }
      // Events come of users who were not read just before, too.
      const active = [...users, `u${random(12)}`, `u${random(12)}`]
      await pooling.ingest(active.map((user) => eventOf(user, `i${random(5)}`, clock.nowMs, 1 + random(10))))
      if (mode === 'ahead' && pooling.due >= 10) await readAhead()
    }
    if (mode === 'ahead') await readAhead()
    clock.nowMs += 5_000
    await pooling.drain()
    const all = Array.from({ length: 12 }, (_, u) => `u${u}`)
    const rings = createReadBuffer(
      all.length,
      models.map(({ name }) => ({ model: name, dim, latest: true })),
    )
    await store.read({ users: all, models: models.map(({ name }) => ({ model: name })) }, rings)
    const held = rings.models.map(({ pooled, latest, featureTimeMs }) => [...pooled, ...latest!, ...featureTimeMs])
    const counters = { ...pooling.counters }
    await store.close()
    return { served, held, counters, calls }
  }

  it.each([
    ['snapshot', 'event', 1],
    ['refresh', 'event', 2],
    ['snapshot', 'both', 3],
  ] as const)('gives the same bits: one slot a %s, refresh on %s, seed %i', async (slot, refreshOn, seed) => {
    const eager = await replay(seed, 'eager', slot, refreshOn)
    const lazy = await replay(seed, 'lazy', slot, refreshOn)
    expect(lazy.served).toEqual(eager.served)
    expect(lazy.held).toEqual(eager.held)
    expect(lazy.counters).toEqual(eager.counters)
    expect(eager.counters.refreshes).toBeGreaterThan(200)
    expect(lazy.calls).toBeLessThan(eager.calls)
    if (refreshOn === 'both') return
    const { calls, ...ahead } = await replay(seed, 'ahead', slot, refreshOn)
    expect({ ...ahead, calls: 0 }).toEqual({ ...eager, calls: 0 })
    expect(calls).toBeLessThan(lazy.calls)
  })

  it('keeps no result for later reads where these offer refreshes, which would come too late', async () => {
    const store = await openLmdb()
    const models = [{ name: 'm', dim, policy: { count: 3, slot: 'snapshot' } as const }]
    const pooling = createPooling({ store, space, models, clock: { now: () => startMs }, refreshOn: 'both' })
    expect(() => pooling.computeDue()).toThrow(PoolingConfigError)
    await store.close()
  })
})
