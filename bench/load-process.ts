/** The load process: runs one plan after another. */
import { execFileSync } from 'node:child_process'
import { LatencyRecord, type LoadObserver, runOpenLoop } from '@headwater/load'
import type { Arrivals, LoadFigures, LoadPlan } from './load.ts'
import { answer } from './pinned-process.ts'
import { RawConnection } from './raw-connection.ts'

/** Of a load that shares its processor, between looks at what has come and what is due. */
const pauseMs = 0.1
const nothing = new Int32Array(new SharedArrayBuffer(4))

answer(run)

async function run(plan: LoadPlan): Promise<LoadFigures> {
  const connections = await Promise.all(Array.from({ length: plan.connections }, () => RawConnection.open(plan.port)))
  const record = new LatencyRecord()
  const observer = plan.deadlineMs === undefined ? record : onlyWithin(plan.deadlineMs, record)
  const cpu = process.cpuUsage()
  const startMs = performance.now()
  try {
    await (plan.arrivals === undefined
      ? closedLoop(plan, connections, observer)
      : openLoop(plan, plan.arrivals, connections, observer))
  } finally {
    for (const connection of connections) connection.close()
  }
  const wallMs = performance.now() - startMs
  const { user, system } = process.cpuUsage(cpu)
  const { answered, failures, meanMs: _, wireMeanMs: __, ...figures } = record.figures()
  const failed = Object.values(failures).reduce((sum, calls) => sum + calls, 0)
  const cpuShare = (user + system) / 1_000 / wallMs
  return { answered, failed, failures, perSecond: (1_000 * answered) / wallMs, cpuShare, ...figures }
}

/** Latencies of calls that were answered in time alone; others count as failures. */
function onlyWithin(deadlineMs: number, record: LatencyRecord): LoadObserver {
  return {
    ended(intendedMs, sentMs, endMs, failure) {
      const why = failure ?? (endMs - intendedMs > deadlineMs ? 'late' : null)
      if (why === null) record.ended(intendedMs, sentMs, endMs, null)
      else record.failed(why)
    },
    abandoned() {},
    noticed: (lateMs) => record.noticed(lateMs),
  }
}

const failureOf = (status: number) => (status === 200 ? null : status === 0 ? 'broken' : `HTTP ${status}`)

async function closedLoop(
  { requests, seconds }: LoadPlan,
  connections: readonly RawConnection[],
  record: LoadObserver,
) {
  const endMs = performance.now() + 1_000 * seconds
  let next = 0
  const work = (connection: RawConnection) =>
    new Promise<void>((resolve) => {
      const send = () => {
        const sentMs = performance.now()
        connection.send(requests[next++ % requests.length], (status) => {
          const nowMs = performance.now()
          record.ended(sentMs, sentMs, nowMs, failureOf(status))
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
  { sleeps = false, inTurn = false, ...arrivals }: Arrivals,
  connections: readonly RawConnection[],
  record: LoadObserver,
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
        const connection = inTurn ? free.shift()! : free.pop()!
        connection.send(requests[sent++ % requests.length], (status) => {
          const end = (again: RawConnection) => {
            free.push(again)
            onEnd(failureOf(status))
          }
          if (connection.isOpen) end(connection)
          else RawConnection.open(port).then(end, reject)
        })
      },
      observer: record,
    })
    ended.then(() => resolve(), reject)
  })
}
