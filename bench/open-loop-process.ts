/** The load process: runs one plan after another. */
import { execFileSync } from 'node:child_process'
import { runOpenLoop } from '@headwater/load'
import { build } from 'hdr-histogram-js'
import type { Arrivals, LoadFigures, LoadPlan } from './open-loop.ts'
import { RawConnection } from './open-loop-connection.ts'
import { answer } from './open-loop-fork.ts'

/** Of a load that shares its processor, between looks at what has come and what is due. */
const pauseMs = 0.1
const nothing = new Int32Array(new SharedArrayBuffer(4))

answer(run)

async function run(plan: LoadPlan): Promise<LoadFigures> {
  const connections = await Promise.all(Array.from({ length: plan.connections }, () => RawConnection.open(plan.port)))
  const record = new Record()
  const startMs = performance.now()
  try {
    await (plan.arrivals === undefined
      ? closedLoop(plan, connections, record)
      : openLoop(plan, plan.arrivals, connections, record))
  } finally {
    for (const connection of connections) connection.close()
  }
  return record.figures(performance.now() - startMs)
}

const histogram = () =>
  build({ lowestDiscernibleValue: 1, highestTrackableValue: 6e8, numberOfSignificantValueDigits: 3 })
const microseconds = (ms: number) => Math.max(1, Math.round(1_000 * ms))

/** Latencies in microseconds, to three digits. */
class Record {
  readonly #histogram = histogram()
  readonly #late = histogram()
  #answered = 0
  #failed = 0

  take(isOk: boolean, latencyMs: number): void {
    if (isOk) this.#answered++
    else this.#failed++
    this.#histogram.recordValue(microseconds(latencyMs))
  }

  noticed(lateMs: number): void {
    this.#late.recordValue(microseconds(lateMs))
  }

  figures(wallMs: number): LoadFigures {
    const atMs = (percentile: number) => this.#histogram.getValueAtPercentile(percentile) / 1_000
    return {
      answered: this.#answered,
      failed: this.#failed,
      perSecond: (1_000 * this.#answered) / wallMs,
      p50Ms: atMs(50),
      p99Ms: atMs(99),
      p999Ms: atMs(99.9),
      maxMs: this.#histogram.maxValue / 1_000,
      lateP99Ms: this.#late.getValueAtPercentile(99) / 1_000,
    }
  }
}

async function closedLoop({ requests, seconds }: LoadPlan, connections: readonly RawConnection[], record: Record) {
  const endMs = performance.now() + 1_000 * seconds
  let next = 0
  const work = (connection: RawConnection) =>
    new Promise<void>((resolve) => {
      const send = () => {
        const sentMs = performance.now()
        connection.send(requests[next++ % requests.length], (isOk) => {
          const nowMs = performance.now()
          record.take(isOk, nowMs - sentMs)
          if (nowMs < endMs && connection.isOpen) send()
          else resolve()
        })
      }
      send()
    })
  // Spins, so that no answer has to wake the load up: on a virtual machine that may cost the server more than its answer.
  let isDone = false
  const spin = () => {
    if (!isDone) setImmediate(spin)
  }
  spin()
  await Promise.all(connections.map(work))
  isDone = true
}

/**
 * What else runs on its processor must not show in what it measures: in real time it runs the moment that it wakes, where at
 * any niceness it may wait for others' slices. Only the system's owner may ask for either.
 */
function goFirst(): void {
  try {
    execFileSync('chrt', ['--fifo', '--pid', '1', String(process.pid)], { stdio: 'ignore' })
  } catch {
    // Then `lateP99Ms` tells how much it shows.
  }
}

/** Waiting requests, should all connections be taken, go to the next that is free, first come first served. */
async function openLoop(
  { port, requests, seconds }: LoadPlan,
  { sleeps = false, ...arrivals }: Arrivals,
  connections: readonly RawConnection[],
  record: Record,
): Promise<void> {
  if (sleeps) goFirst()
  const free = [...connections]
  let sent = 0
  await new Promise<void>((resolve, reject) => {
    const ended = runOpenLoop({
      arrivals: { ...arrivals, seconds },
      slots: connections.length,
      // All that was due is answered, however long it takes.
      maxWaiting: Number.POSITIVE_INFINITY,
      drainMs: Number.POSITIVE_INFINITY,
      pause(look) {
        // A timer would be late by up to a millisecond.
        if (sleeps) Atomics.wait(nothing, 0, 0, pauseMs)
        setImmediate(look)
      },
      send(onEnd) {
        const connection = free.pop()!
        connection.send(requests[sent++ % requests.length], (isOk) => {
          const end = (again: RawConnection) => {
            free.push(again)
            onEnd(isOk ? null : 'failed')
          }
          if (connection.isOpen) end(connection)
          else RawConnection.open(port).then(end, reject)
        })
      },
      ended: (intendedMs, _sentMs, endMs, failure) => record.take(failure === null, endMs - intendedMs),
      abandoned() {},
      noticed: (lateMs) => record.noticed(lateMs),
    })
    ended.then(() => resolve(), reject)
  })
}
