/** `/metrics` of a service that falls behind, or whose encoder or store fails: the figures that are 0 while all is well. */

import type { Clock } from '@headwater/pooling'
import { EncoderDiedError } from '@headwater/pooling'
import { type Intercepted, interceptStore } from '@headwater/pooling/testing/intercepted-store'
import { encoderOf, fakeClock, heldEncoder, model, policy, startMs } from '@headwater/pooling/testing/towers'
import {
  openStore,
  readStatus,
  StoreClosedError,
  StoreCorruptError,
  StoreUnavailableError,
  StoreWriteError,
} from '@headwater/store'
import { expect, it, onTestFinished } from 'vitest'
import { observeService, until } from '../../testing/observed-service.ts'
import { type Scrape, scrape } from '../../testing/scraped-metrics.ts'

const readPath = '/v1/embeddings/read'
const readOf = (...users: string[]) => ({ users, models: ['m'] })
const eventsOf = (...users: string[]) => ({
  users,
  items: users.map(() => 'i'),
  timesMs: users.map(() => startMs),
  fields: { rating: users.map(() => 9) },
})

/** Holds what was scraped against figures by name. */
function expectFigures({ samples }: Scrape, expected: Readonly<Record<string, number>>): void {
  const names = Object.keys(expected)
  expect(Object.fromEntries(names.map((name) => [name, samples.get(name)]))).toEqual(expected)
}

/** A service over a store some calls of which are made in place of its own. */
async function overStore(calls: Intercepted, clock: Clock = Date) {
  const store = await openStore('memory:')
  onTestFinished(() => store.close())
  return observeService({}, { store: interceptStore(store, calls), clock })
}

/** Three refreshes, whose first attempt fails. */
async function expectTriedAgain(
  { ask, url, pooling }: Awaited<ReturnType<typeof observeService>>,
  clock: ReturnType<typeof fakeClock>,
  { storeErrors }: { readonly storeErrors: number },
): Promise<void> {
  await ask('POST', '/v1/events', eventsOf('ann', 'bob', 'cat'))
  clock.nowMs++
  await until(() => pooling.counters.retried === 3)
  clock.nowMs += 1_000
  await until(() => pooling.counters.refreshes === 3)
  expectFigures(await scrape(url), {
    'headwater_refreshes_total{outcome="failed"}': 3,
    'headwater_refreshes_total{outcome="landed"}': 3,
    headwater_refreshes_retried_total: 3,
    'headwater_store_errors_total{during="request"}': 0,
    'headwater_store_errors_total{during="refresh"}': storeErrors,
  })
}

it('count rows that are older than their policy wants as stale', async () => {
  const clock = fakeClock()
  const aged = { ...model, policy: { ...policy, maxAgeMs: 60_000 } }
  const { ask, url, pooling } = await observeService({}, { clock, models: [aged] })
  await ask('POST', '/v1/events', eventsOf('ann', 'bob'))
  // A refresh is due in the millisecond after its due time.
  clock.nowMs++
  await until(() => pooling.counters.refreshes === 2)
  clock.nowMs += 60_000
  await ask('POST', readPath, readOf('ann'))
  expectFigures(await scrape(url), {
    'headwater_rows_served_total{status="fresh"}': 1,
    'headwater_rows_served_total{status="stale"}': 0,
  })
  clock.nowMs++
  const { body } = await ask('POST', readPath, readOf('ann', 'cold', 'bob'))
  expect(body.models[0].status).toEqual([1, 2, 1])
  expectFigures(await scrape(url), {
    'headwater_rows_served_total{status="fresh"}': 1,
    'headwater_rows_served_total{status="stale"}': 2,
    'headwater_rows_served_total{status="default"}': 1,
    'headwater_served_age_seconds_count{model="m"}': 3,
    'headwater_served_age_seconds_bucket{model="m",le="60"}': 1,
    'headwater_served_age_seconds_sum{model="m"}': 60 + 2 * 60.001,
  })
})

it('show who waits behind an encoder that takes its time, for how long, and who is shed', async () => {
  const clock = fakeClock()
  const { ask, url, pooling } = await observeService({}, { clock, maxQueue: 3 })
  const { encoder, called, release } = heldEncoder(4, 0.5)
  await pooling.publish('m', encoder)
  const offer = (user: string) => ask('POST', '/v1/events', eventsOf(user))
  await offer('ann')
  clock.nowMs++
  // On its way, it takes one of the three places.
  await called()
  await offer('bob')
  clock.nowMs += 2_000
  for (const user of ['cat', 'dan', 'eve', 'bob']) await offer(user)
  clock.nowMs += 5_000
  const behind = await scrape(url)
  release()
  await called()
  release()
  await until(() => pooling.counters.refreshes === 3)
  expectFigures(behind, {
    headwater_refresh_queue_users: 2,
    headwater_refresh_queue_oldest_age_seconds: 7,
    headwater_refreshes_due: 2,
    headwater_offers_shed_total: 2,
    headwater_offers_coalesced_total: 1,
    'headwater_refreshes_total{outcome="landed"}': 0,
  })
  expectFigures(await scrape(url), {
    headwater_refresh_queue_users: 0,
    headwater_refresh_queue_oldest_age_seconds: 0,
    headwater_offers_shed_total: 2,
    'headwater_refreshes_total{outcome="landed"}': 3,
  })
})

it('count refreshes that the encoder failed, as no failure of the store', async () => {
  const clock = fakeClock()
  const service = await observeService({}, { clock })
  let calls = 0
  const failsAtFirst = encoderOf(4)
  await service.pooling.publish('m', {
    ...failsAtFirst,
    encode: async (...batch) => {
      if (calls++ === 0) throw new EncoderDiedError('its memory ran out')
      return failsAtFirst.encode(...batch)
    },
  })
  await expectTriedAgain(service, clock, { storeErrors: 0 })
})

it('count what the store fails in requests, and not what its end brings about', async () => {
  const calls: Intercepted = {}
  const { ask, url } = await overStore(calls)
  const codeOf = async (path: string, body: object) => (await ask('POST', path, body)).body.error.code
  const failWith = (error: Error) => async () => {
    throw error
  }
  calls.read = failWith(new StoreUnavailableError('no server answered'))
  expect(await codeOf(readPath, readOf('ann'))).toBe('store_unavailable')
  expect(await codeOf(readPath, readOf('ann'))).toBe('store_unavailable')
  calls.read = failWith(new StoreClosedError())
  expect(await codeOf(readPath, readOf('ann'))).toBe('draining')
  calls.readStates = failWith(new StoreCorruptError('a record fails its checksum'))
  expect(await codeOf('/v1/events', eventsOf('ann'))).toBe('internal')
  calls.readStates = failWith(new Error('no error of the store'))
  expect(await codeOf('/v1/events', eventsOf('ann'))).toBe('internal')
  expectFigures(await scrape(url), {
    'headwater_store_errors_total{during="request"}': 3,
    'headwater_store_errors_total{during="refresh"}': 0,
    'headwater_requests_failed_total{code="store_unavailable"}': 2,
    'headwater_requests_failed_total{code="draining"}': 1,
    'headwater_requests_failed_total{code="internal"}': 2,
    headwater_events_total: 0,
  })
})

it('count the batches of refreshes that the store failed, and their users', async () => {
  const clock = fakeClock()
  const calls: Intercepted = {}
  const service = await overStore(calls, clock)
  calls.append = async () => {
    delete calls.append
    throw new StoreWriteError('the disk does not answer')
  }
  await expectTriedAgain(service, clock, { storeErrors: 1 })
})

it('count rows that no server of the store had, apart from users of whom nothing is held', async () => {
  const calls: Intercepted = {}
  const { ask, url } = await overStore(calls)
  // As a cluster answers that has lost some of its servers.
  calls.read = async ({ users }, into) => {
    for (const { status } of into.models) {
      for (const [row, user] of users.entries()) {
        status[row] = user === 'lost' ? readStatus.unavailable : readStatus.missing
      }
    }
  }
  await ask('POST', readPath, readOf('lost', 'cold', 'lost'))
  expectFigures(await scrape(url), {
    'headwater_rows_served_total{status="fresh"}': 0,
    'headwater_rows_served_total{status="default"}': 1,
    'headwater_rows_served_total{status="unavailable"}': 2,
  })
})
