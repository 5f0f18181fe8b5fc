/** Evidence as runs recorded it, with what tells one bottleneck from another put in its place. */
import { expect, test } from 'vitest'
import { type BottleneckName, nameBottleneck } from './bottleneck.ts'
import { breach, type StepEvidence } from './step.ts'

type LoadEvidence = StepEvidence['load']
type ServiceEvidence = NonNullable<StepEvidence['service']>

const calmLoad: LoadEvidence = {
  offeredPerSecond: 44,
  answeredPerSecond: 44.2,
  answered: 221,
  abandoned: 0,
  failures: {},
  p50Ms: 1.6,
  p99Ms: 3.9,
  p999Ms: 6.1,
  maxMs: 6.1,
  meanMs: 1.8,
  wireMeanMs: 1.2,
  waitingAtMost: 0,
  client: { cpu: 0.09, lateP99Ms: 1.3 },
  by: 'time',
}
const calmService: ServiceEvidence = {
  cpu: 0.06,
  loopDelayP99Ms: 0.4,
  requestMeanMs: 0.7,
  readMeanMs: 0.2,
  readP99Ms: 0.3,
  queueUsers: 0,
  queueGrowth: 0,
  offersShed: 0,
  encodeBusy: 0,
  defaultShare: 0,
  failures: {},
  requestsShed: {},
}
const calm: StepEvidence = { load: calmLoad, service: calmService, threads: { main: 0.05 } }

interface Changes {
  readonly load?: Partial<LoadEvidence>
  readonly client?: Partial<LoadEvidence['client']>
  readonly service?: Partial<ServiceEvidence> | null
  readonly threads?: StepEvidence['threads']
}

/** A step whose calls take 180 ms, with what else was seen of it. */
function broken({ load, client, service = {}, threads = { main: 0.3 } }: Changes): StepEvidence {
  const slow = { p50Ms: 90, p99Ms: 180, p999Ms: 190, maxMs: 190, meanMs: 95, wireMeanMs: 60 }
  return {
    load: { ...calmLoad, ...slow, offeredPerSecond: 500, ...load, client: { cpu: 0.3, lateP99Ms: 1.5, ...client } },
    service: service && { ...calmService, cpu: 0.4, requestMeanMs: 50, readMeanMs: 10, ...service },
    threads,
  }
}

test.each<[BottleneckName, string, Changes]>([
  ['client', 'the load’s process is full', { client: { cpu: 0.97 }, threads: { main: 0.9 } }],
  ['client', 'the load is late itself', { client: { lateP99Ms: 40 }, service: { readMeanMs: 45 } }],
  ['limit', 'calls are refused', { load: { failures: { 'HTTP 429': 12 } } }],
  ['limit', 'calls are beyond what may be under way', { service: { requestsShed: { concurrency: 9 } } }],
  ['service', 'nobody answers any more', { load: { failures: { ECONNREFUSED: 5 } } }],
  [
    'store',
    'the store is away',
    { load: { failures: { 'HTTP 503': 3 } }, service: { failures: { store_unavailable: 3 } } },
  ],
  ['encode', 'refreshes are shed', { service: { offersShed: 40, queueUsers: 100_000 } }],
  [
    'encode',
    'batches follow one another, and the queue grows',
    { service: { encodeBusy: 0.98, queueUsers: 900, queueGrowth: 600 } },
  ],
  ['event loop', 'its thread is full', { threads: { main: 0.96 }, service: { readMeanMs: 45, loopDelayP99Ms: 60 } }],
  [
    'event loop',
    'its thread waits for a processor',
    { threads: { main: 0.5, 'main, waiting': 0.45 }, service: { readMeanMs: 45 } },
  ],
  ['event loop', 'its process is full, seen from elsewhere', { threads: null, service: { cpu: 1.02 } }],
  ['event loop', 'it sheds what waits for it', { service: { requestsShed: { delay: 9 }, readMeanMs: 45 } }],
  ['store', 'reads take most of a request', { service: { readMeanMs: 45 } }],
  ['event loop', 'it stands still, though not for its own work', { service: { loopDelayP99Ms: 80 } }],
  ['network', 'most of the time passes outside', { service: { requestMeanMs: 5, readMeanMs: 1 } }],
  ['service', 'it shows no figures', { service: null, threads: null }],
  ['unknown', 'nothing stands out', {}],
])('%s: %s', (name, _, changes) => {
  const found = nameBottleneck({ broken: broken(changes), calm, p99Ms: 50 })
  expect(found.name).toBe(name)
  expect(found.advice).not.toBe('')
})

test('the evidence is in the words', () => {
  const { because } = nameBottleneck({ broken: broken({ service: { readMeanMs: 45 } }), calm, p99Ms: 50 })
  expect(because).toBe(
    'store and pooling took 45 ms of the 50 ms of a request, 0.20 ms in the calm step, while its processor was not full',
  )
  expect(nameBottleneck({ broken: broken({ threads: { main: 0.96 } }), calm: null, p99Ms: 50 }).because).toContain(
    '96 %',
  )
})

test('reads that were as slow when all was calm are not what gave way', () => {
  const slowCalm = { ...calm, service: { ...calmService, readMeanMs: 40, requestMeanMs: 45 } }
  expect(nameBottleneck({ broken: broken({ service: { readMeanMs: 45 } }), calm: slowCalm, p99Ms: 50 }).name).toBe(
    'unknown',
  )
})

test('a step breaks by failures, by being overrun, by its p99 and by refreshes that are shed', () => {
  expect(breach(calm, 50)).toBeNull()
  expect(breach(broken({}), 50)).toBe('p99 180.0 ms')
  expect(breach(broken({}), 200)).toBeNull()
  expect(breach(broken({ load: { by: 'overrun' } }), 200)).toBe('calls came faster than they were answered')
  expect(breach(broken({ load: { failures: { 'HTTP 503': 2 } } }), 200)).toBe('2 × HTTP 503')
  expect(breach(broken({ service: { offersShed: 7 } }), 200)).toBe('7 refreshes were shed')
  // What was stopped from outside is not judged.
  expect(breach(broken({ load: { by: 'stopped' } }), 50)).toBeNull()
})
