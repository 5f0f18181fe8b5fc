/** What is sent of offers, and when they came, without servers. */

import { fakeClock } from '@headwater/pooling/testing/towers'
import { expect, it, vi } from 'vitest'
import { decodeEntry } from './queue-entry.ts'
import { SharedOffers } from './shared-offers.ts'
import type { QueueOffer, SharedQueues } from './shared-queue.ts'

const clock = fakeClock()

/** Offers that are sent by `send`. */
function offersBy(send: (offers: readonly QueueOffer[]) => Promise<void>) {
  const calls: Pick<SharedQueues, 'offer'> = {
    offer: async (_, offers) => {
      await send(offers)
      return { queued: offers.length, coalesced: 0, shed: 0 }
    },
  }
  const onError = vi.fn()
  const options = { tenant: 'default', models: ['m'], clock, maxQueue: 9, onError }
  return { offers: new SharedOffers({ ...options, queues: calls as SharedQueues }), onError }
}

function arrivalOf({ entry }: QueueOffer): number {
  const decoded = decodeEntry(entry, 'm')
  if (typeof decoded === 'string') throw new Error(decoded)
  return decoded.offeredMs
}

it('tells when what asked first came, by the clock', async () => {
  const sent: QueueOffer[] = []
  const { offers } = offersBy(async (some) => void sent.push(...some))
  const hourMs = 3_600_000
  const askedMs = performance.now() - hourMs
  offers.offer('ann', 5, askedMs + 10)
  offers.offer('ann', 7, askedMs)
  offers.offer('ann', 3, askedMs + 20)
  const firstMs = performance.now()
  await vi.waitFor(() => expect(sent).toHaveLength(1), { timeout: 20_000, interval: 5 })
  const passedMs = performance.now() - firstMs
  expect(sent[0]).toMatchObject({ user: 'ann', servedMs: 3 })
  await vi.waitFor(() => expect(offers.forget('ann')).toBe(false), { timeout: 20_000, interval: 5 })
  const ageMs = clock.now() - arrivalOf(sent[0])
  expect(ageMs).toBeGreaterThanOrEqual(hourMs - 1)
  expect(ageMs).toBeLessThanOrEqual(hourMs + 1 + passedMs + (firstMs - askedMs - hourMs))
  await offers.close()
})

it('merges what could not be sent with what was offered meanwhile, each at the older, but for who was forgotten', async () => {
  const sent: QueueOffer[] = []
  let fail = (_error: Error) => {}
  let sends = 0
  const { offers, onError } = offersBy(async (some) => {
    if (sends++ === 0) {
      await new Promise<void>((_, reject) => {
        fail = reject
      })
    }
    sent.push(...some)
  })
  const hourMs = 3_600_000
  const nowMs = performance.now()
  offers.offer('ann', 5, nowMs - hourMs)
  offers.offer('bob', 9, nowMs)
  offers.offer('dan', 2, nowMs)
  await vi.waitFor(() => expect(sends).toBe(1), { timeout: 20_000, interval: 5 })
  offers.offer('ann', 8, nowMs)
  offers.offer('bob', 4, nowMs - hourMs)
  offers.offer('eve', 2, nowMs)
  expect(['dan', 'eve', 'fay'].map((user) => offers.forget(user))).toEqual([true, true, false])
  fail(new Error('no server answered'))
  await vi.waitFor(() => expect(sent).toHaveLength(2), { timeout: 20_000, interval: 5 })
  expect(onError).toHaveBeenCalledTimes(1)
  expect(sent.map(({ user, servedMs }) => [user, servedMs]).sort()).toEqual([
    ['ann', 5],
    ['bob', 4],
  ])
  for (const offer of sent) expect(clock.now() - arrivalOf(offer)).toBeGreaterThanOrEqual(hourMs - 1)
  await offers.close()
})
