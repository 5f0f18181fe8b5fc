/** What calls of a size cost: processor time of a reader and of Valkey, by the systems' own counts. */
import { randomUUID } from 'node:crypto'
import { seededRandom } from '@headwater/statistics'
import { type EmbeddingStore, openStore } from '@headwater/store'
import type { ValkeyNode } from '@headwater/testkit/valkey'
import { pack } from 'msgpackr'
import type { CapacityServerFigures, CapacityServerSettings } from './capacity-server.ts'
import type { LoadProcess } from './load.ts'
import { forkPinned } from './pinned-process.ts'

export interface CostModel {
  readonly name: string
  readonly dim: number
  readonly ring: number
  /** Default `fp16`. */
  readonly codec?: 'int8'
  /** Of a state that each user has too. Default: none. */
  readonly stateBytes?: number
}

export const keyOf = (user: number) => `user-${String(user).padStart(7, '0')}`
export const urlOf = (masters: readonly ValkeyNode[]) =>
  `valkey://${masters.map(({ address }) => address).join(',')}?timeout=5000`

/** A ring of all its slots for each user. */
export async function fill(
  masters: readonly ValkeyNode[],
  { name, dim, ring, codec, stateBytes }: CostModel,
  users: number,
): Promise<void> {
  const store: EmbeddingStore = await openStore(urlOf(masters))
  const random = seededRandom(1)
  const noise = Float32Array.from({ length: 100_003 }, () => random.nextNormal())
  try {
    for (let snapshot = 1; snapshot <= ring; snapshot++)
      for (let from = 0; from < users; from += 1_000) {
        const keys = Array.from({ length: Math.min(1_000, users - from) }, (_, i) => keyOf(from + i))
        await store.append({
          ...{ model: name, dim, users: keys, snapshot, frame: 1, writtenMs: snapshot },
          vectors: Float32Array.from(
            { length: keys.length * dim },
            (_, i) => noise[(i + from + 7_919 * snapshot) % noise.length],
          ),
          featureTimeMs: new Float64Array(keys.length).fill(snapshot),
          policy: { slots: ring, count: ring, slot: 'snapshot', ...(codec && { codec }) },
        })
      }
    for (let from = 0; stateBytes !== undefined && from < users; from += 1_000) {
      const state = new Uint8Array(stateBytes).fill(7)
      const keys = Array.from({ length: Math.min(1_000, users - from) }, (_, i) => keyOf(from + i))
      await store.compareAndSetStates(keys.map((key) => [{ kind: 'user', key, expected: 0, state }]))
    }
  } finally {
    await store.close()
  }
}

export interface CallCost {
  /** Microseconds a call. */
  readonly readerUs: number
  readonly storeUs: number
  /** Calls that were answered. */
  readonly calls: number
  /** Of the last answer. */
  readonly answerBytes: number
}

const connections = 8
const warmUpSeconds = 0.5
const seconds = 2

/** A reader in a process of its own, over masters. */
export interface CapacityReader {
  readonly port: number
  readonly masters: readonly ValkeyNode[]
  /** Microseconds of processor time that the masters use in a millisecond though nobody asks them. */
  readonly idleUsPerMs: number
  /** Since it was asked last. */
  figures(): Promise<CapacityServerFigures>
  close(): Promise<void>
}

/** @param refreshes whether users are refreshed when events come, by a tower that costs nothing */
export async function startReader(
  masters: readonly ValkeyNode[],
  models: readonly CostModel[],
  refreshes = false,
): Promise<CapacityReader> {
  const settings: CapacityServerSettings = { store: urlOf(masters), models, refreshes }
  const server = forkPinned('capacity-server.ts', 0, settings)
  const figures = () => server.ask<CapacityServerFigures>({})
  const { port } = await figures()
  return { port, masters, idleUsPerMs: await idleCost(masters), figures, close: () => server.close() }
}

export async function readCost(
  load: LoadProcess,
  reader: CapacityReader,
  model: CostModel,
  usersACall: number,
  users: number,
): Promise<CallCost> {
  const random = seededRandom(7)
  const bodies = Array.from({ length: 1_000 }, () =>
    pack({
      users: Array.from({ length: usersACall }, () => keyOf(random.nextBelow(users))),
      models: [model.name],
      encoding: 'f16',
    }),
  )
  return calls(load, reader, '/v1/embeddings/read', bodies)
}

/** A call an event, each of another user. `refreshed` is 0 unless the server refreshes. */
export async function eventCost(
  load: LoadProcess,
  masters: readonly ValkeyNode[],
  model: CostModel,
  users: number,
  refreshes: boolean,
): Promise<CallCost & { readonly refreshed: number }> {
  const bodies = Array.from({ length: Math.min(users, 20_000) }, (_, user) =>
    pack({
      users: [keyOf(user)],
      items: [`item-${user % 1_000}`],
      timesMs: [Date.now() + user],
      ids: [randomUUID()],
      fields: {},
    }),
  )
  const reader = await startReader(masters, [model], refreshes)
  try {
    await calls(load, reader, '/v1/events', bodies)
    return await calls(load, reader, '/v1/events', bodies)
  } finally {
    await reader.close()
  }
}

async function calls(
  load: LoadProcess,
  { port, masters, idleUsPerMs, figures }: CapacityReader,
  path: string,
  bodies: readonly Uint8Array[],
): Promise<CallCost & { readonly refreshed: number }> {
  const requests = bodies.map((body) => request(path, body))
  const run = async (forSeconds: number) => {
    const { answered, failed } = await load.run({ port, requests, connections, seconds: forSeconds })
    if (failed > 0) throw new Error(`${failed} calls of ${path} failed`)
    return answered
  }
  await run(warmUpSeconds)
  await refreshesEnd(figures)
  const before = await storeCpuUs(masters)
  const startMs = performance.now()
  const answered = await run(seconds)
  const now = await figures()
  const rest = await refreshesEnd(figures)
  const wallMs = performance.now() - startMs
  const storeUs = Math.max(0, (await storeCpuUs(masters)) - before - idleUsPerMs * wallMs)
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    ...{ method: 'POST', headers: { 'content-type': 'application/msgpack' }, body: Buffer.from(bodies[0]) },
  })
  const answerBytes = (await response.arrayBuffer()).byteLength
  return {
    readerUs: (now.cpuUs + rest.cpuUs) / answered,
    storeUs: storeUs / answered,
    calls: answered,
    answerBytes,
    refreshed: now.refreshed + rest.refreshed,
  }
}

/** What was still due is done; where nothing is, it asks once. */
async function refreshesEnd(figures: () => Promise<CapacityServerFigures>) {
  const all = { cpuUs: 0, refreshed: 0 }
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 300))
    const { cpuUs, refreshed } = await figures()
    all.cpuUs += cpuUs
    all.refreshed += refreshed
    if (refreshed === 0) return all
  }
}

function request(path: string, body: Uint8Array): Uint8Array {
  const head = `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/msgpack\r\n`
  return Buffer.concat([Buffer.from(`${head}content-length: ${body.length}\r\n\r\n`), body])
}

/** What masters use though nobody asks them: their own timers and, in a cluster, their talk with each other. */
async function idleCost(masters: readonly ValkeyNode[]): Promise<number> {
  const [before, startMs] = [await storeCpuUs(masters), performance.now()]
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  return ((await storeCpuUs(masters)) - before) / (performance.now() - startMs)
}

/** Of all masters, by `INFO cpu`. */
async function storeCpuUs(masters: readonly ValkeyNode[]): Promise<number> {
  let seconds = 0
  for (const node of masters)
    for (const field of ['used_cpu_user', 'used_cpu_sys']) seconds += Number(await node.info('cpu', field))
  return 1e6 * seconds
}
