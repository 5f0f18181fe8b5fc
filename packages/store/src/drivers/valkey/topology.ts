import { hash } from 'node:crypto'
import { StoreAccessError } from '../../validation/errors.ts'
import type { Connection } from './connection.ts'
import { type Reply, request } from './request.ts'
import { addressOf, Server } from './server.ts'
import { slotCount } from './slots.ts'
import type { Address, ValkeyOptions } from './valkey-url.ts'

/** A master and its replicas. */
export interface Shard {
  readonly master: Server
  readonly replicas: readonly Server[]
}

/** Slots from, to, and who has them, the master first. */
interface SlotRange {
  readonly start: number
  readonly end: number
  readonly members: readonly Address[]
}

/** What one server says: of all of a cluster or, with epoch −1, of itself alone. */
interface View {
  readonly epoch: number
  readonly ranges: readonly SlotRange[]
}

/** Least time between two refreshes, as a failure makes many calls ask for one. */
const leastRefreshMs = 100
/** A server that says nothing must not keep what the others say of its failover from being heard. */
const mostViewMs = 1_000
/** No server announces that a replica joined. */
const regularRefreshMs = 5_000

/** Which server has which slot: asked for at the start, after every move that a server reports, and after a failure. */
export class Topology {
  shards: readonly Shard[] = []
  clustered = false
  /** Changes with every master that comes or goes and with every slot that moves. */
  version = ''
  readonly #options: ValkeyOptions
  readonly #servers = new Map<string, Server>()
  readonly #shardOfSlot = new Array<Shard | undefined>(slotCount)
  #refreshing: Promise<void> | null = null
  #refreshedMs = -Infinity
  #timer: NodeJS.Timeout | null = null
  #closed = false

  private constructor(options: ValkeyOptions) {
    this.#options = options
  }

  /** @throws StoreAccessError where no server answers, or the first that does refuses the user. */
  static async open(options: ValkeyOptions): Promise<Topology> {
    const topology = new Topology(options)
    for (const seed of options.seeds) topology.server(seed)
    const endMs = performance.now() + options.mostMs
    for (;;) {
      const seeds = [...topology.#servers.values()]
      await settled(seeds.map(({ reads }) => reads))
      await topology.refresh()
      if (topology.shards.length > 0) {
        const known = [...topology.#servers.values()]
        await Promise.all(known.map(({ reads }) => settled([reads])))
        topology.#timer = setInterval(() => void topology.refresh(), regularRefreshMs)
        topology.#timer.unref()
        return topology
      }
      const problem = seeds.map(({ address, reads }) => `${address}: ${reads.problem ?? 'no answer'}`).join('; ')
      const refused = /\b(WRONGPASS|NOAUTH|NOPERM)\b|invalid username-password|certificate/.test(problem)
      if (!refused && performance.now() < endMs && seeds.some(({ reads }) => reads.usable)) continue
      topology.close()
      throw new StoreAccessError(
        refused
          ? `the Valkey server refuses the connection (${problem}); check user, password and TLS in the store's URL`
          : `no Valkey server of the store's URL can be reached (${problem}); check its hosts, and that they run`,
      )
    }
  }

  shardOf(slot: number): Shard | undefined {
    return this.#shardOfSlot[slot]
  }

  /** The server at an address, known or new. */
  server(at: Address): Server {
    const address = addressOf(at)
    let server = this.#servers.get(address)
    if (server === undefined) {
      server = new Server(at, this.#options)
      this.#servers.set(address, server)
    }
    return server
  }

  /** To be called where a server said that a slot is another's. */
  moved(slot: number, to: Server): void {
    const known = this.shards.find(({ master }) => master === to)
    const shard = known ?? { master: to, replicas: [] }
    if (known === undefined) this.shards = [...this.shards, shard]
    this.#shardOfSlot[slot] = shard
    void this.refresh()
  }

  /** Asks the servers anew, unless that was done just now. What it learns is in place when it resolves; it never rejects. */
  refresh(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = null
    })
    return this.#refreshing
  }

  close(): void {
    this.#closed = true
    if (this.#timer !== null) clearInterval(this.#timer)
    for (const server of this.#servers.values()) server.close()
    this.#servers.clear()
  }

  async #refresh(): Promise<void> {
    const waitMs = this.#refreshedMs + leastRefreshMs - performance.now()
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
    const servers = [...this.#servers.values()]
    const views = await Promise.all(servers.map((server) => this.#view(server)))
    this.#refreshedMs = performance.now()
    if (this.#closed) return
    // A server that was cut off from the others has an outdated view: the highest epoch has seen the last failover.
    const best = views.reduce<View | null>((a, b) => {
      return b === null || b === 'replica' || (a !== null && a.epoch >= b.epoch) ? a : b
    }, null)
    if (best === null || best.ranges.length === 0) return
    this.clustered = best.epoch >= 0
    const replicas = this.clustered ? [] : servers.filter((_, i) => views[i] === 'replica')
    this.#take(best.ranges.map((range) => ({ ...range, members: [...range.members, ...replicas] })))
  }

  #take(ranges: readonly SlotRange[]): void {
    const shards = new Map<Server, Shard>()
    const before = [...this.#shardOfSlot]
    this.#shardOfSlot.fill(undefined)
    for (const { start, end, members } of ranges) {
      const [master, ...replicas] = members.map((member) => this.server(member))
      const predecessor = before[start]?.master
      if (predecessor !== undefined && predecessor !== master && predecessor.silent) master.suspect = true
      const shard = shards.get(master) ?? { master, replicas }
      shards.set(master, shard)
      this.#shardOfSlot.fill(shard, start, end + 1)
    }
    this.shards = [...shards.values()]
    const owners = ranges.map(({ start, end, members: [master] }) => `${start}-${end}@${addressOf(master)}`)
    this.version = hash('sha1', owners.sort().join()).slice(0, 12)
    const members = new Set(this.shards.flatMap(({ master, replicas }) => [master, ...replicas]))
    const seeds = new Set(this.#options.seeds.map(addressOf))
    for (const [address, server] of this.#servers) {
      if (members.has(server) || seeds.has(address)) continue
      server.close()
      this.#servers.delete(address)
    }
  }

  /** Null where the server does not answer; of a server without a cluster that follows another, only that. */
  async #view(server: Server): Promise<View | 'replica' | null> {
    const requests = [request('CLUSTER', 'INFO'), request('CLUSTER', 'SLOTS'), request('ROLE')]
    const [info, slots, role] = await server.reads.ask(requests, Math.min(this.#options.timeoutMs, mostViewMs))
    if (Buffer.isBuffer(info) && Array.isArray(slots)) return clusterView(server, info.toString(), slots)
    const kind = Array.isArray(role) ? String(role[0]) : null
    if (kind !== 'master') return kind === 'slave' ? 'replica' : null
    return { epoch: -1, ranges: [{ start: 0, end: slotCount - 1, members: [server] }] }
  }
}

function clusterView(server: Server, info: string, slots: readonly Reply[]): View {
  const epoch = Number(/^cluster_current_epoch:(\d+)/m.exec(info)?.[1] ?? 0)
  const ranges = slots.map((range) => {
    const [start, end, ...members] = range as [number, number, ...[Buffer | null, number][]]
    // A server that does not know its own name means the one by which it was asked.
    const named = members.map(([host, port]) => {
      const name = host?.toString() ?? ''
      return { host: name === '' || name === '?' ? server.host : name, port: Number(port) }
    })
    return { start, end, members: named }
  })
  return { epoch, ranges }
}

/** Resolves when one of the connections is usable or all have failed, or take too long. */
async function settled(connections: readonly Connection[]): Promise<void> {
  while (!connections.some(({ usable }) => usable) && connections.some(({ starting }) => starting)) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
