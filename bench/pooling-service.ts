/**
 * A service with its refreshes, in a process of its own: HTTP over users in memory, rows made in a thread, embeddings in an
 * encoder's process. It does what it is told, and answers with its figures.
 */
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { followModel, type LoadedSnapshot, startEncoder } from '@headwater/encoder'
import { createRowWorkers } from '@headwater/features/workers'
import { openEventLog, openServedLog } from '@headwater/logs'
import {
  createPooling,
  type EncoderStatus,
  type Pooling,
  type PoolingCounters,
  type ServedBatch,
  startRefreshing,
} from '@headwater/pooling'
import { createServer, RefreshMonitor } from '@headwater/service'
import { seededRandom } from '@headwater/statistics'
import { type EmbeddingStore, openStore } from '@headwater/store'
import { capacityAt, type EventRate } from './encoder-capacity.ts'
import { liveBytes } from './live-memory.ts'
import { answer, canPin } from './pinned-process.ts'
import { EventFlow, type FreshnessFigures, OfferFlow } from './pooling-flows.ts'
import { model, offeredUsers, openWorld, snapshots, type World } from './pooling-world.ts'
import { residentBytes } from './resident-memory.ts'

export interface ServiceSettings {
  /** Of the snapshots that are followed. */
  readonly base: string
  /** A snapshot that can be served in their place. */
  readonly dearer: string
  readonly encoder: 'webgpu' | 'onnx'
  /** Whether the encoder has a processor of its own, or shares both. */
  readonly isEncoderApart: boolean
  readonly maxQueue: number
  /** Of a call of the encoder at most: one of the sizes that towers are recorded for. */
  readonly batchRows: 16 | 128
  /** Of a store in LMDB and the logs of what is served and of events; null: users are in memory, and nothing is logged. */
  readonly directory: string | null
}

export type Order =
  | { readonly do: 'tell' }
  /** Tell with `liveBytes`, for which all garbage is collected. */
  | { readonly do: 'collect' }
  /** Offer refreshes of users in turn: so many a second, or so many that the encoder always has work; 0: ends when it has none. */
  | { readonly do: 'offer'; readonly perSecond: number | 'saturating' }
  /** Take in events of users at random; null ends that. The answer has the freshness of those before. */
  | { readonly do: 'events'; readonly rate: EventRate | null }
  | { readonly do: 'encode with'; readonly tower: 'base' | 'dearer' }
  | { readonly do: 'promote'; readonly snapshot: number }
  | { readonly do: 'roll back' }
  /** The encoder's process ends by signal 9. */
  | { readonly do: 'kill' }

export interface Told {
  readonly port: number
  readonly counters: PoolingCounters
  readonly encoder: EncoderStatus
  /** Batches that landed since the service started, and the milliseconds that the encoder spent on them, one after another. */
  readonly batches: number
  readonly encodeMs: number
  /** That refreshes go through now. */
  readonly snapshot: number
  /** Milliseconds of processor time since the service started. */
  readonly cpuMs: number
  readonly residentBytes: number
  /** Of that, V8's heap and what lies outside it for buffers. */
  readonly heapBytes: number
  readonly bufferBytes: number
  /** Of the last `collect`; NaN before it. */
  readonly liveBytes: number
  /** Of the users that `offer` goes through, the age of the oldest embedding. */
  readonly oldestOfferedMs: number
  readonly freshness: FreshnessFigures
}

const hourMs = 3_600_000
/** About a third of a second's batches count. */
const newestWeight = 0.1
/** Of each log: its oldest files go beyond. */
const logBytes = 2 ** 28

if (process.send !== undefined) await serveParent(JSON.parse(process.argv[2]) as ServiceSettings)

async function serveParent(settings: ServiceSettings): Promise<void> {
  const world = await openWorld()
  const { directory, batchRows } = settings
  const store = await openStore(directory === null ? 'memory:' : `lmdb:${join(directory, 'store')}`)
  const logs = directory === null ? null : await openLogs(directory, world)
  const filledMs = Date.now()
  await fill(store, world)
  const encoderCpus = settings.isEncoderApart ? '1' : '0,1'
  const encoder = await startEncoder({
    ...(settings.encoder === 'onnx' && { backend: new URL(import.meta.resolve('headwater/onnx-backend')) }),
    ...(canPin && { prefix: ['chrt', '--idle', '0', 'taskset', '-c', encoderCpus] }),
    ...(settings.isEncoderApart && { environment: { LP_NUM_THREADS: '1' } }),
    onError: (error) => console.error(error.message),
  })
  const followed = await followModel({ encoder, directory: settings.base, name: model, pollMs: 200 })
  let dearer: LoadedSnapshot | null = null
  const { space } = world
  const rowEncoder = createRowWorkers({
    schema: space.schema,
    workers: 1,
    batchRows,
    isIdle: true,
    ...(canPin && { cpus: encoderCpus }),
  })
  const encoded = { batches: 0, encodeMs: 0 }
  /** Of the last batches, the newest counted most. */
  let batchMs = 0
  const refreshes = new RefreshMonitor()
  const observer = refreshes.observer('default')
  const pooling = createPooling({
    store,
    space,
    models: [{ name: model, dim: followed.served.dim, policy: { slot: 'snapshot', count: 3 } }],
    clock: Date,
    refreshDelayMs: 0,
    batchSize: batchRows,
    maxQueue: settings.maxQueue,
    rowEncoder,
    observer: {
      ...observer,
      refreshed: (batch) => {
        observer.refreshed?.(batch)
        encoded.batches++
        encoded.encodeMs += batch.encodeMs
        batchMs += (batch.encodeMs - batchMs) * newestWeight
        offers.landed(batch.users, Date.now())
      },
    },
    ...(logs !== null && {
      eventLog: logs.events,
      onServed: (served: ServedBatch, request?: string) => logs.served.record(served, request),
    }),
  })
  const offers = new OfferFlow(pooling, world.users.slice(0, offeredUsers), filledMs, batchRows)
  await followed.publishTo([pooling])
  const refresher = startRefreshing(pooling)
  const server = createServer({
    tenants: new Map([['default', { store, pooling }]]),
    space,
    models: [{ name: model, dim: followed.served.dim, control: followed }],
    auth: 'loopback',
    encoder: () => encoder.status(),
    refreshes,
    onError: (error) => console.error(error),
  })
  await server.listen({ host: '127.0.0.1', port: 0 })
  const events = new EventFlow(pooling, world)
  const eventRate = (rate: EventRate | null) => {
    if (rate === null || 'perSecond' in rate) return rate && (() => rate.perSecond)
    batchMs = rate.of.batchMs
    return () => rate.share * capacityAt(batchMs, rate.of)
  }
  let live = Number.NaN
  const obey = async (order: Order): Promise<void> => {
    if (order.do === 'offer') {
      offers.start(order.perSecond)
      if (order.perSecond === 0) await pooling.drain()
    } else if (order.do === 'events') events.start(eventRate(order.rate))
    else if (order.do === 'encode with') {
      if (order.tower === 'dearer') dearer ??= await encoder.load(settings.dearer)
      await pooling.publish(model, order.tower === 'dearer' ? dearer! : followed.served)
    } else if (order.do === 'promote') await followed.promote(order.snapshot)
    else if (order.do === 'roll back') await followed.rollback()
    else if (order.do === 'collect') live = liveBytes()
    else if (order.do === 'kill') process.kill(encoder.status().pid!, 'SIGKILL')
  }
  answer(
    async (order: Order): Promise<Told> => {
      await obey(order)
      const { user, system } = process.cpuUsage()
      const { heapTotal: heapBytes, arrayBuffers: bufferBytes } = process.memoryUsage()
      return {
        port: (server.server.address() as AddressInfo).port,
        counters: { ...pooling.counters },
        encoder: encoder.status(),
        ...encoded,
        snapshot: pooling.latest(model)!.snapshot,
        cpuMs: (user + system) / 1_000,
        residentBytes: residentBytes('self'),
        heapBytes,
        bufferBytes,
        liveBytes: live,
        oldestOfferedMs: Date.now() - offers.oldestMs,
        freshness: events.taken(),
      }
    },
    async () => {
      offers.start(0)
      await events.end()
      await server.close()
      await followed.stop()
      await refresher.stop()
      await pooling.close()
      await Promise.all([rowEncoder.close(), encoder.close()])
      await Promise.all([logs?.served.close(), logs?.events.close()])
      await store.close()
    },
  )
}

async function openLogs(directory: string, { space }: World) {
  const onError = (error: unknown) => console.error(error)
  const about = { tenant: 'default', maxAgeMs: 20_000, maxBytes: logBytes, onError }
  return {
    served: await openServedLog({ ...about, directory: join(directory, 'served') }),
    events: await openEventLog({ ...about, directory: join(directory, 'events'), schema: space.schema }),
  }
}

/** The users' states, and three embeddings of each as of earlier snapshots. */
async function fill(store: EmbeddingStore, world: World): Promise<void> {
  const { space, users, events } = world
  const dim = 192
  const policy = { slots: 3, count: 3, slot: 'snapshot' } as const
  const stored: Pooling = createPooling({ store, space, models: [], clock: Date, mode: 'stored' })
  for (let from = 0; from < events.length; from += 2_000) await stored.ingest(events.slice(from, from + 2_000))
  await stored.close()
  const random = seededRandom(1)
  const noise = Float32Array.from({ length: dim * 1_009 }, () => random.nextNormal())
  for (const snapshot of snapshots.filled)
    for (let from = 0; from < users.length; from += 1_000) {
      const some = users.slice(from, from + 1_000)
      await store.append({
        model,
        dim,
        users: some,
        vectors: noise.subarray(0, dim * some.length),
        snapshot,
        frame: 1,
        featureTimeMs: new Float64Array(some.length).fill(Date.now() - (10 - snapshot) * hourMs),
        writtenMs: Date.now(),
        policy,
      })
    }
}
