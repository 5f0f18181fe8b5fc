/** `/metrics` of a service that listens, parsed, against the calls that were made of it. */
import { expect, it } from 'vitest'
import { tokenOf } from '../../testing/http-service.ts'
import { observeService, until } from '../../testing/observed-service.ts'
import { scrape } from '../../testing/scraped-metrics.ts'

const eventOf = (user: string) => ({ users: [user], items: ['i'], timesMs: [Date.now()], fields: { rating: [9] } })

it('count what was asked of a service', async () => {
  const { ask, url, pooling, tenants, encoder, served, control } = await observeService()
  const at = async (name: string) => (await scrape(url)).samples.get(name)
  await ask('POST', '/v1/events', eventOf('ann'))
  await until(() => pooling.counters.refreshes === 1)
  await ask('POST', '/v1/embeddings/read', { users: ['ann', 'cold', 'colder'], models: ['m'] })
  await ask('POST', '/v1/embeddings/read', { users: ['ann'], models: ['none'] })
  await ask('POST', '/v1/embeddings/read', { users: ['eve'], models: ['m'] }, tokenOf.other)
  await ask('GET', '/v1/nowhere')
  const { samples, types } = await scrape(url)
  const expected = {
    'headwater_rows_served_total{status="fresh"}': 1,
    'headwater_rows_served_total{status="stale"}': 0,
    'headwater_rows_served_total{status="default"}': 3,
    'headwater_rows_served_total{status="unavailable"}': 0,
    headwater_read_duration_seconds_count: 2,
    'headwater_served_age_seconds_count{model="m"}': 1,
    'headwater_served_age_seconds_bucket{model="m",le="60"}': 1,
    'headwater_request_duration_seconds_count{route="/v1/embeddings/read",status="200"}': 2,
    'headwater_request_duration_seconds_count{route="/v1/embeddings/read",status="404"}': 1,
    'headwater_request_duration_seconds_count{route="/v1/events",status="200"}': 1,
    'headwater_requests_failed_total{code="unknown_model"}': 1,
    'headwater_requests_failed_total{code="unknown_route"}': 1,
    headwater_events_total: 1,
    headwater_events_repeated_total: 0,
    headwater_offers_shed_total: 0,
    'headwater_refreshes_total{outcome="landed"}': 1,
    'headwater_refreshes_total{outcome="failed"}': 0,
    headwater_refresh_freshness_seconds_count: 1,
    'headwater_refresh_encode_duration_seconds_count{model="m"}': 1,
    'headwater_refresh_append_duration_seconds_count{model="m"}': 1,
    'headwater_refresh_batch_rows_sum{model="m"}': 1,
    headwater_refresh_queue_users: 0,
    headwater_refresh_queue_oldest_age_seconds: 0,
    'headwater_store_errors_total{during="request"}': 0,
    'headwater_store_errors_total{during="refresh"}': 0,
    'headwater_snapshot{model="m"}': 3,
    'headwater_snapshot_data_cutoff_timestamp_seconds{model="m"}': 1_700_000_000,
    'headwater_encoder_state{state="ready"}': 1,
    'headwater_encoder_state{state="restarting"}': 0,
    headwater_encoder_restarts_total: 0,
    'headwater_log_rows_dropped_total{log="served"}': 0,
  }
  for (const [name, value] of Object.entries(expected)) expect(samples.get(name), name).toBe(value)
  expect(samples.get('headwater_store_bytes')).toBe(tenants.get('default')!.store.sizeBytes())
  expect(samples.get('headwater_store_bytes')).toBeGreaterThan(0)
  // By Prometheus' conventions: counters end in _total, and nothing else of ours does; units are seconds and bytes.
  for (const [name, type] of types) {
    if (!name.startsWith('headwater_')) continue
    expect(name.endsWith('_total'), name).toBe(type === 'counter')
    expect(name).not.toMatch(/_(ms|milliseconds|kib|mib)(_|$)/)
  }
  expect(types.has('nodejs_eventloop_lag_seconds')).toBe(true)

  Object.assign(encoder, { state: 'restarting', restarts: 2 })
  served.dropped = 7
  expect(await at('headwater_encoder_state{state="restarting"}')).toBe(1)
  expect(await at('headwater_encoder_restarts_total')).toBe(2)
  expect(await at('headwater_log_rows_dropped_total{log="served"}')).toBe(7)

  // A shadow's figures, while there is one, and how far the served snapshot is from the one before.
  control.report = {
    snapshot: 4,
    rows: 50,
    cosineMean: 0.98,
    cosineP1: 0.9,
    normRatioMean: 1.01,
    sameFrame: true,
    panel: null,
  }
  expect(await at('headwater_shadow_cosine_p1{model="m"}')).toBe(0.9)
  control.report = null
  expect(await at('headwater_shadow_rows{model="m"}')).toBeUndefined()
  const drift = { residual: 0.2, centred_cosine: 0.97, variance_kept: 0.96, effective_rank: 3.5 }
  expect(await at('headwater_snapshot_residual{model="m"}')).toBeUndefined()
  control.compared = { residual: 0.2, centredCosine: 0.97, varianceKept: 0.96, effectiveRank: 3.5 }
  for (const [name, value] of Object.entries(drift))
    expect(await at(`headwater_snapshot_${name}{model="m"}`)).toBe(value)
  expect(await at('headwater_snapshot_frame{model="m"}')).toBe(0)
})

it('show how downstream models fare, by tenant', async () => {
  const { ask, url } = await observeService()
  const outcome = (request: string, label: number) => ({
    downstream: 'ctr"v1',
    requests: [request],
    predictions: [0.5],
    labels: [label],
    timesMs: [1],
  })
  const named = (request: string, label: number) => ({ ...outcome(request, label), downstream: 'ctr:v1' })
  expect((await ask('POST', '/v1/outcomes', outcome('a', 1))).body.error.code).toBe('invalid_request')
  await ask('POST', '/v1/outcomes', named('a', 1))
  const before = await scrape(url)
  expect(before.samples.get('headwater_outcomes_total{tenant="default",downstream="ctr:v1"}')).toBe(1)
  expect([...before.samples.keys()].filter((key) => key.startsWith('headwater_downstream'))).toEqual([])
  await ask('POST', '/v1/outcomes', named('b', 0))
  const { samples } = await scrape(url)
  const entropy = samples.get('headwater_downstream_normalized_entropy{tenant="default",downstream="ctr:v1"}')
  expect(entropy).toBeCloseTo(1, 6)
})
