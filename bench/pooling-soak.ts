/**
 * `npx nx run service:soak`: the service for forty minutes (`--minutes N`), over LMDB and with its logs, reads at 70 % of what
 * it can do and events at 70 % of what the encoder can do at that moment. Behind the first quarter its resident memory is to stay as it is.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { placesOf, type Served, sleep, withService } from './pooling-served.ts'
import {
  digits,
  hostProvenance,
  megabytes,
  progress,
  publish,
  runBench,
  type Spread,
  spread,
  UsageError,
} from './report.ts'
import { residentBytes } from './resident-memory.ts'
import { type Trend, trendOf } from './trend.ts'

const share = 0.7
const everyMs = 1_000
const progressEveryMs = 60_000
/** Share of the time that is left out at first, while heaps and caches fill. */
const warmingShare = 0.25
const leastMinutes = 2
const capacitySeconds = 4
/** Reads in one go; before each it is measured anew what 70 % is. */
const roundSeconds = 58

interface Sample {
  readonly minutes: number
  readonly serviceBytes: number
  /** Of the service: V8's heap, what lies outside it for buffers, and all else. */
  readonly heapBytes: number
  readonly bufferBytes: number
  readonly otherBytes: number
  /** Of the encoder; NaN where the system does not tell. */
  readonly encoderBytes: number
}

export interface SoakFigures {
  readonly minutes: number
  readonly places: string
  /** Of all the time. */
  readonly eventsPerSecond: number
  readonly reads: ReadFigures
  readonly service: Growth
  /** What the service's growth is of. */
  readonly parts: Readonly<Record<'heap' | 'buffers' | 'other', Growth>>
  readonly encoder: Growth | null
  /** What lives in the service's heap and buffers in the middle of its warming up, and at the end. */
  readonly live: { readonly startBytes: number; readonly endBytes: number; readonly minutes: number }
}

/** Of rounds. */
interface ReadFigures {
  readonly answered: number
  readonly failed: number
  readonly offeredPerSecond: Spread
  readonly p50Ms: Spread
  readonly p99Ms: Spread
}

interface Growth {
  readonly startBytes: number
  readonly endBytes: number
  /** Bytes an hour, once it is warm. */
  readonly trend: Trend
  readonly isFlat: boolean
}

await runBench(async () => {
  const { minutes, json } = soakOptions()
  const directory = mkdtempSync(join(tmpdir(), 'headwater-soak-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  // Batches of one recorded size: how long they take tells what the encoder can do.
  const settings = { isEncoderApart: true, maxQueue: 100_000, batchRows: 16 as const, directory, usersACall: 1 }
  const figures = await withService(settings, (served) => soak(served, minutes))
  publish('soak', hostProvenance(), textOf(figures), { ...figures }, json ?? null)
  const { reads, service, encoder } = figures
  if (reads.failed > 0 || !service.isFlat || encoder?.isFlat === false) process.exitCode = 1
})

function soakOptions(): { readonly minutes: number; readonly json: string | undefined } {
  let values: { minutes: string; json?: string | undefined }
  try {
    values = parseArgs({ options: { minutes: { type: 'string', default: '40' }, json: { type: 'string' } } }).values
  } catch (cause) {
    throw new UsageError(`${(cause as Error).message} Known are --minutes N and --json FILE.`)
  }
  const minutes = Number(values.minutes)
  if (!(minutes >= leastMinutes && minutes <= 10_000))
    throw new UsageError(`--minutes ${values.minutes} is none; give ${leastMinutes} to 10,000`)
  return { minutes, json: values.json }
}

async function soak(served: Served, minutes: number): Promise<SoakFigures> {
  const saturated = await served.saturate(capacitySeconds, share)
  await served.tell({ do: 'events', rate: { share, of: saturated } })
  const samples: Sample[] = []
  const startMs = performance.now()
  const endMs = startMs + 60_000 * minutes
  let events = 0
  let isOver = false
  let warmBytes = Number.NaN
  let warmMs = 0
  const sample = async () => {
    let toldMs = startMs
    // Reads that are still to be answered at the end are answered at whatever rate they can be.
    while (!isOver && performance.now() < endMs) {
      const { residentBytes: serviceBytes, heapBytes, bufferBytes, encoder, counters, freshness } = await served.tell()
      events += freshness.events
      const encoderBytes = residentBytes(encoder.pid)
      const nowMs = performance.now()
      // Long before the line is fitted: what it frees comes back.
      if (Number.isNaN(warmBytes) && nowMs - startMs >= (warmingShare / 2) * 60_000 * minutes) {
        warmBytes = (await served.tell({ do: 'collect' })).liveBytes
        warmMs = nowMs
        continue
      }
      const otherBytes = serviceBytes - heapBytes - bufferBytes
      const elapsed = (nowMs - startMs) / 60_000
      samples.push({ minutes: elapsed, serviceBytes, heapBytes, bufferBytes, otherBytes, encoderBytes })
      if (nowMs - toldMs >= progressEveryMs) {
        toldMs = nowMs
        const minute = Math.round((nowMs - startMs) / 60_000)
        progress(
          `minute ${minute} of ${minutes}: service ${megabytes(serviceBytes)}, encoder ${megabytes(encoderBytes)}; ${counters.refreshes.toLocaleString('en')} refreshes, ${counters.shed} shed`,
        )
      }
      await sleep(everyMs)
    }
  }
  const read = async () => {
    try {
      return await readRounds(served, endMs)
    } finally {
      isOver = true
    }
  }
  const [reads] = await Promise.all([read(), sample()])
  const seconds = (performance.now() - startMs) / 1_000
  await served.tell({ do: 'events', rate: null })
  const { liveBytes: endBytes } = await served.tell({ do: 'collect' })
  const live = { startBytes: warmBytes, endBytes, minutes: (performance.now() - warmMs) / 60_000 }
  const warm = samples.filter((sample) => sample.minutes >= warmingShare * minutes)
  const growth = (of: keyof Sample) => growthOf(warm, of)
  return {
    minutes,
    places: placesOf(true),
    eventsPerSecond: events / seconds,
    reads,
    service: growth('serviceBytes'),
    parts: { heap: growth('heapBytes'), buffers: growth('bufferBytes'), other: growth('otherBytes') },
    live,
    encoder: warm.some(({ encoderBytes }) => Number.isNaN(encoderBytes)) ? null : growth('encoderBytes'),
  }
}

/** @param endMs by `performance.now()` */
async function readRounds(served: Served, endMs: number): Promise<ReadFigures> {
  const rounds: (Awaited<ReturnType<Served['read']>> & { readonly offered: number })[] = []
  while (performance.now() < endMs) {
    await served.measure()
    const left = Math.max(1, (endMs - performance.now()) / 1_000)
    const figures = await served.read(share, Math.min(roundSeconds, left))
    rounds.push({ ...figures, offered: share * served.callsPerSecond })
  }
  const sum = (of: 'answered' | 'failed') => rounds.reduce((total, round) => total + round[of], 0)
  const over = (of: 'offered' | 'p50Ms' | 'p99Ms') => spread(rounds.map((round) => round[of]))
  return {
    answered: sum('answered'),
    failed: sum('failed'),
    offeredPerSecond: over('offered'),
    p50Ms: over('p50Ms'),
    p99Ms: over('p99Ms'),
  }
}

function growthOf(samples: readonly Sample[], of: keyof Sample): Growth {
  const times = samples.map(({ minutes }) => minutes / 60)
  const values = samples.map((sample) => sample[of])
  const trend = trendOf(times, values)
  return { startBytes: values[0], endBytes: values.at(-1)!, trend, isFlat: trend.low <= 0 }
}

function textOf({ minutes, places, eventsPerSecond, reads, service, parts, encoder, live }: SoakFigures): string {
  const line = (name: string, { startBytes, endBytes, trend, isFlat }: Growth) =>
    `  ${name}  ${megabytes(startBytes)} → ${megabytes(endBytes)}; ${hourly(trend.slope)} an hour, 95 % interval ${hourly(trend.low)} to ${hourly(trend.high)} (flat: ${isFlat ? 'holds' : 'MISSED'})`
  return [
    `${minutes} minutes, reads of one user at ${digits(reads.offeredPerSecond.median)}/s, events at ${digits(eventsPerSecond)}/s, LMDB, served log and event log; ${places}`,
    `  reads    ${reads.answered.toLocaleString('en')}, ${reads.failed} failed; p50 ${digits(reads.p50Ms.median)}, p99 ${digits(reads.p99Ms.median)} ms, medians of rounds`,
    line('service', service),
    `    of which V8's heap ${hourly(parts.heap.trend.slope)}, buffers ${hourly(parts.buffers.trend.slope)}, all else ${hourly(parts.other.trend.slope)} an hour`,
    `    alive in heap and buffers, all garbage collected: ${megabytes(live.startBytes)} → ${megabytes(live.endBytes)} in ${digits(live.minutes)} minutes`,
    ...(encoder === null ? [] : [line('encoder', encoder)]),
  ].join('\n')
}

function hourly(bytes: number): string {
  return `${bytes < 0 ? '−' : '+'}${megabytes(Math.abs(bytes))}`
}
