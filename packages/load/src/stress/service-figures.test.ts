import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { ServiceFigures, serviceEvidence, startSeconds } from './service-figures.ts'
import { listeningOn, readThreads, threadCpu } from './threads.ts'

const at = (values: { reads: number; seconds: number; cpu: number; failed: number; queue: number }) => `
# HELP headwater_read_duration_seconds Time of a pooled read.
# TYPE headwater_read_duration_seconds histogram
headwater_read_duration_seconds_bucket{le="0.001"} ${values.reads / 2}
headwater_read_duration_seconds_bucket{le="0.005"} ${values.reads}
headwater_read_duration_seconds_bucket{le="+Inf"} ${values.reads}
headwater_read_duration_seconds_sum ${values.seconds}
headwater_read_duration_seconds_count ${values.reads}
headwater_request_duration_seconds_sum{route="/v1/embeddings/read",status="200"} ${2 * values.seconds}
headwater_request_duration_seconds_count{route="/v1/embeddings/read",status="200"} ${values.reads}
headwater_request_duration_seconds_sum{route="/metrics",status="200"} 100
headwater_request_duration_seconds_count{route="/metrics",status="200"} 1
headwater_requests_failed_total{code="too_many_requests"} ${values.failed}
headwater_requests_shed_total{reason="delay"} ${3 * values.failed}
headwater_requests_failed_total{code="with \\"quotes\\", and a comma"} 3
headwater_rows_served_total{status="fresh"} ${3 * values.reads}
headwater_rows_served_total{status="default"} ${values.reads}
headwater_refresh_queue_users ${values.queue}
process_cpu_seconds_total ${values.cpu}
process_start_time_seconds 1764036000
nodejs_eventloop_lag_p99_seconds 0.0145
`

test('figures between two looks, worked out by hand', () => {
  const before = new ServiceFigures(at({ reads: 100, seconds: 1, cpu: 7, failed: 2, queue: 5 }))
  const after = new ServiceFigures(at({ reads: 300, seconds: 1.4, cpu: 8.5, failed: 12, queue: 25 }))
  const evidence = serviceEvidence(before, after, 2_000)
  expect(evidence.cpu).toBeCloseTo(0.75, 9)
  expect(evidence.readMeanMs).toBeCloseTo(2, 9)
  expect(evidence.requestMeanMs).toBeCloseTo(4, 9)
  expect(evidence.readP99Ms).toBe(5)
  expect(evidence.loopDelayP99Ms).toBeCloseTo(4.5, 9)
  expect(evidence.defaultShare).toBe(0.25)
  expect(evidence).toMatchObject({ queueUsers: 25, queueGrowth: 20, failures: { too_many_requests: 10 } })
  expect(evidence.requestsShed).toEqual({ delay: 30 })
  // What the text has not is not known, rather than 0.
  expect(evidence).toMatchObject({ offersShed: null, encodeBusy: null })
  expect(startSeconds(at({ reads: 1, seconds: 1, cpu: 1, failed: 0, queue: 0 }))).toBe(1_764_036_000)
  expect(startSeconds('')).toBeNull()
})

test('of a reader in a cluster the queue that all share counts', () => {
  const text = (waiting: number, shed: number) => `
headwater_refresh_queue_users{tenant="default"} 0
headwater_offers_shed_total{tenant="default"} 0
headwater_shared_queue_waiting{tenant="default",model="sum"} ${waiting}
headwater_shared_queue_entries_total{tenant="default",model="sum",outcome="queued"} 1000
headwater_shared_queue_entries_total{tenant="default",model="sum",outcome="shed"} ${shed}
`
  const evidence = serviceEvidence(new ServiceFigures(text(30, 4)), new ServiceFigures(text(90, 11)), 1_000)
  expect(evidence).toMatchObject({ queueUsers: 90, queueGrowth: 60, offersShed: 7 })
})

test.runIf(process.platform === 'linux')(
  'finds who listens, unless it was started at another time, and its threads',
  async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const started = Date.now() / 1_000 - process.uptime()
    expect(listeningOn(port, started)).toBe(process.pid)
    expect(listeningOn(port, started - 60)).toBeNull()
    await new Promise((resolve) => server.close(resolve))
    expect(listeningOn(port, started)).toBeNull()

    const before = readThreads(process.pid)
    const cpuBefore = process.cpuUsage()
    while (process.cpuUsage(cpuBefore).user < 300_000) readFileSync('/proc/self/stat')
    const threads = threadCpu(before, readThreads(process.pid), 1_000)
    // 300 ms of a second; ticks are 10 ms, and the tests may run in a thread that is not the process' first.
    const { 'main, waiting': _, ...busy } = threads
    const all = Object.values(busy).reduce((sum, share) => sum + share, 0)
    expect(all).toBeGreaterThan(0.25)
    expect(readThreads(2 ** 30).size).toBe(0)
  },
)
