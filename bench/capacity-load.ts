/** What calls of a size cost: processor time of a reader and of Valkey, by the systems' own counts. */
import { randomUUID } from 'node:crypto'
import { seededRandom } from '@headwater/statistics'
import { type EmbeddingStore, openStore } from '@headwater/store'
import type { ValkeyNode } from '@headwater/testkit/valkey'
import { pack } from 'msgpackr'
import type { CapacityServerFigures, CapacityServerSettings } from './capacity-server.ts'
import type { LoadProcess } from './open-loop.ts'
import { forkPinned } from './open-loop-fork.ts'

export interface CostModel {
  readonly name: string
  readonly dim: number
  readonly ring: number
}

export const keyOf = (user: number) => `user-${String(user).padStart(7, '0')}`
export const urlOf = (masters: readonly ValkeyNode[]) =>
  `valkey://${masters.map(({ address }) => address).join(',')}?timeout=5000`

/** A ring of all its slots for each user. */
export async function fill(
  masters: readonly ValkeyNode[],
  { name, dim, ring }: CostModel,
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
          policy: { slots: ring, count: ring, slot: 'snapshot' },
        })
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
const warmUpSeconds = 1
const seconds = 3

export async function readCost(
  load: LoadProcess,
  masters: readonly ValkeyNode[],
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
  const settings = { store: urlOf(masters), models: [model], refreshes: false }
  return calls(load, masters, settings, '/v1/embeddings/read', bodies)
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
  return calls(load, masters, { store: urlOf(masters), models: [model], refreshes }, '/v1/events', bodies)
}

async function calls(
  load: LoadProcess,
  masters: readonly ValkeyNode[],
  settings: CapacityServerSettings,
  path: string,
  bodies: readonly Uint8Array[],
): Promise<CallCost & { readonly refreshed: number }> {
  const server = forkPinned('capacity-server.ts', 0, settings)
  try {
    const { port } = await server.ask<CapacityServerFigures>({})
    const requests = bodies.map((body) => request(path, body))
    const run = async (forSeconds: number) => {
      const { answered, failed } = await load.run({ port, requests, connections, seconds: forSeconds })
      if (failed > 0) throw new Error(`${failed} calls of ${path} failed`)
      return answered
    }
    await run(warmUpSeconds)
    if (settings.refreshes) await refreshesEnd(() => server.ask<CapacityServerFigures>({}))
    await server.ask<CapacityServerFigures>({})
    const before = await storeCpuUs(masters)
    const answered = await run(seconds)
    let { cpuUs, refreshed } = await server.ask<CapacityServerFigures>({})
    if (settings.refreshes) {
      const rest = await refreshesEnd(() => server.ask<CapacityServerFigures>({}))
      cpuUs += rest.cpuUs
      refreshed += rest.refreshed
    }
    const storeUs = (await storeCpuUs(masters)) - before
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/msgpack' }, body: Buffer.from(bodies[0]) },
    })
    const answerBytes = (await response.arrayBuffer()).byteLength
    return { readerUs: cpuUs / answered, storeUs: storeUs / answered, calls: answered, answerBytes, refreshed }
  } finally {
    await server.close()
  }
}

/** What was still due is done. */
async function refreshesEnd(ask: () => Promise<CapacityServerFigures>) {
  const all = { cpuUs: 0, refreshed: 0 }
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 300))
    const { cpuUs, refreshed } = await ask()
    all.cpuUs += cpuUs
    all.refreshed += refreshed
    if (refreshed === 0) return all
  }
}

function request(path: string, body: Uint8Array): Uint8Array {
  const head = `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/msgpack\r\n`
  return Buffer.concat([Buffer.from(`${head}content-length: ${body.length}\r\n\r\n`), body])
}

/** Of all masters, by `INFO cpu`. */
async function storeCpuUs(masters: readonly ValkeyNode[]): Promise<number> {
  let seconds = 0
  for (const node of masters)
    for (const field of ['used_cpu_user', 'used_cpu_sys']) seconds += Number(await node.info('cpu', field))
  return 1e6 * seconds
}
