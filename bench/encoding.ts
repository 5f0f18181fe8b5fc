/** How fast rows of the main job's log are encoded: on the thread that asks, in workers, and in a training's replay. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MessageChannel } from 'node:worker_threads'
import { openLog } from '@headwater/datasets'
import { compileFeatures, groupsByTime, type LogEvent, Replay } from '@headwater/features'
import { createRowWorkers, type RowWorkers } from '@headwater/features/workers'
import { allocateExamples, ExampleFeed, PanelSampler } from '@headwater/training'
import {
  digits,
  hostProvenance,
  matching,
  options,
  progress,
  publish,
  runBench,
  type Spread,
  spread,
  table,
} from './report.ts'

const rounds = 15
const warmUpRounds = 3
const batchRows = 512
const batches = 40
const workerCounts = [1, 2]
const panelUsers = 2000

/** Something that is timed: `run` handles `rows` rows. */
interface Contestant {
  readonly name: string
  readonly threads: number
  readonly rows: number
  run(): Promise<void> | void
}

const log = await openLog({ data: 'movietweetings' })
const space = compileFeatures(log.schema)
const events: LogEvent[] = []
for await (const chunk of log.events()) events.push(...chunk)
await log.close()
const replayed = new Replay(space)
replayed.ingest(events)
const nowMs = events[events.length - 1].timeMs
const examplePath = join(tmpdir(), `headwater-encoding-${process.pid}`)

/** `batches` times `batchRows` states, over and over: of users as the log has them, or of those with a full sequence. */
function statesOf(full: boolean): Uint8Array[][] {
  const length = space.user.sequence?.length ?? 0
  const all = [...new Set(events.map(({ user }) => user))].map((user) => replayed.userState(user))
  const some = full ? all.filter((state) => space.userHistory(state).eventCount >= length) : all
  return Array.from({ length: batches }, (_, b) => {
    return Array.from({ length: batchRows }, (__, i) => some[(b * batchRows + i) % some.length])
  })
}

function onThisThread(name: string, states: readonly Uint8Array[][]): Contestant {
  const batch = space.allocate('user', batchRows)
  return {
    name,
    threads: 1,
    rows: batches * batchRows,
    run: () => {
      for (const part of states) for (const [row, state] of part.entries()) space.encodeUser(batch, row, state, nowMs)
    },
  }
}

function inWorkers(name: string, states: readonly Uint8Array[][], pool: RowWorkers, threads: number): Contestant {
  return {
    name,
    threads,
    rows: batches * batchRows,
    run: async () => {
      // As many calls under way as keep all threads busy.
      const underWay: Promise<unknown>[] = []
      for (const part of states) {
        if (underWay.length === 2 * threads) await underWay.shift()
        underWay.push(pool.encodeUsers(part, nowMs))
      }
      await Promise.all(underWay)
    },
  }
}

/** Events into rows as they come, each from what was known before it. */
function replay(name: string, some: readonly LogEvent[]): Contestant {
  const batch = allocateExamples(space, batchRows)
  return {
    name,
    threads: 1,
    rows: some.length,
    run: () => {
      const replay = new Replay(space)
      let row = 0
      for (const group of groupsByTime(some)) {
        for (const event of group) replay.encode(event, batch, row++ % batchRows)
        replay.ingest(group)
      }
    },
  }
}

/** A training's whole way from events to examples on disk. */
function examplesOf(some: readonly LogEvent[], path: string): ExampleFeed {
  const feed = new ExampleFeed(space, path, new PanelSampler(panelUsers, 1))
  try {
    feed.feed(some)
    feed.flush()
    return feed
  } catch (cause) {
    feed.close()
    throw cause
  }
}

async function measure(contestants: readonly Contestant[]): Promise<Spread[]> {
  const rates: number[][] = contestants.map(() => [])
  for (let round = -warmUpRounds; round < rounds; round++) {
    for (const [i, { rows, run }] of contestants.entries()) {
      const startMs = performance.now()
      await run()
      if (round >= 0) rates[i].push((1e3 * rows) / (performance.now() - startMs))
    }
  }
  return rates.map(spread)
}

await runBench(async () => {
  const average = statesOf(false)
  const full = statesOf(true)
  const part = events.slice(0, batches * batchRows)
  const pools = workerCounts.map((workers) => createRowWorkers({ schema: space.schema, workers, batchRows }))
  const item = space.allocate('item', batchRows)
  const read = allocateExamples(space, batchRows)
  const written = examplesOf(part, `${examplePath}-read`)
  const { file } = written
  const order = Uint32Array.from({ length: file.length }, (_, i) => (i * 7919) % file.length)
  const { port1, port2 } = new MessageChannel()
  port2.on('message', () => {})
  const contestants = matching(
    [
      onThisThread('users', average),
      onThisThread('users of full sequences', full),
      ...pools.map((pool, i) => inWorkers(`users, ${workerCounts[i]} workers`, average, pool, workerCounts[i])),
      ...pools.map((pool, i) => {
        return inWorkers(`users of full sequences, ${workerCounts[i]} workers`, full, pool, workerCounts[i])
      }),
      {
        name: 'items',
        threads: 1,
        rows: part.length,
        run: () => {
          for (const [i, event] of part.entries()) {
            space.encodeItem(item, i % batchRows, replayed.itemState(event.item), event)
          }
        },
      },
      replay('replay', part),
      {
        name: 'replay into examples',
        threads: 1,
        rows: part.length,
        run: () => examplesOf(part, examplePath).close(),
      },
      {
        name: 'read of examples',
        threads: 1,
        rows: file.length,
        run: () => {
          for (let from = 0; from < order.length; from += batchRows) file.read(order, from, from + batchRows, read)
        },
      },
      {
        name: 'events posted to a thread',
        threads: 1,
        rows: part.length,
        run: () => {
          for (let from = 0; from < part.length; from += batchRows)
            port1.postMessage(part.slice(from, from + batchRows))
        },
      },
    ],
    options().filter,
  )
  progress(`${contestants.length} ways, ${rounds} rounds`)
  try {
    const rates = await measure(contestants)
    publish(
      'encoding',
      hostProvenance(),
      table([
        { title: 'what', cells: contestants.map(({ name }) => name) },
        { title: 'rows/s', cells: rates.map(({ median }) => digits(median)) },
        { title: 'p10', cells: rates.map(({ p10 }) => digits(p10)) },
        { title: 'p90', cells: rates.map(({ p90 }) => digits(p90)) },
        { title: 'a worker', cells: rates.map(({ median }, i) => digits(median / contestants[i].threads)) },
        { title: 'µs a row', cells: rates.map(({ median }) => digits(1e6 / median)) },
      ]),
      {
        rowBytes: file.recordBytes + (file.sequences?.eventBytes ?? 0),
        userStateBytes: space.userStateBytes,
        batchRows,
        figures: contestants.map(({ name, threads, rows }, i) => ({ name, threads, rows, rowsPerSecond: rates[i] })),
      },
    )
  } finally {
    port1.close()
    written.close()
    await Promise.all(pools.map((pool) => pool.close()))
  }
})
