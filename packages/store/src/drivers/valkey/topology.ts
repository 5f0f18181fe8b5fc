import { hash } from 'node:crypto'
import { StoreAccessError } from '../../validation/errors.ts'
import { ask } from './ask.ts'
import type { Connection } from './connection.ts'
import { type Reply, textRequest } from './request.ts'
import { addressOf, Server } from './server.ts'
import { slotCount } from './slots.ts'
import type { Address, ValkeyOptions } from './valkey-url.ts'

/** A master and its replicas. */
export interface Shard {
  readonly master: Server
  readonly replicas: readonly Server[]
}

/** What one server says of all. */
interface View {
  readonly epoch: number
  /** Slots from, to; master first. */
  readonly ranges: readonly { readonly start: number; readonly end: number; readonly members: readonly Address[] }[]
}

/** Least time between two refreshes, as a failure makes many calls ask for one. */
const leastRefreshMs = 100
/** No server announces that a replica joined. */
const regularRefreshMs = 5_000

/** Which server has which slot: asked for at the start, after every move that a server reports, and after a failure. */
export class Topology {
  readonly #options: ValkeyOptions
  readonly #servers = new Map<string, Server>()
  #shards: Shard[] = []
  /** [slot] place in `#shards`, plus 1; 0 for none. */
  readonly #shardOfSlot = new Uint16Array(slotCount)
  #clustered = false
  #version = ''
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
    const endMs = performance.now() + options.writeTimeoutMs
    for (;;) {
      const seeds = [...topology.#servers.values()]
      await settled(seeds.map(({ reads }) => reads))
      await topology.refresh()
      if (topology.#shards.length > 0) {
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

  /** Changes with every master that comes or goes and with every slot that moves. */
  get version(): string {
    return this.#version
  }

  get clustered(): boolean {
    return this.#clustered
  }

  get shards(): readonly Shard[] {
    return this.#shards
  }

  shardOf(slot: number): Shard | undefined {
    return this.#shards[this.#shardOfSlot[slot] - 1]
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
    let place = this.#shards.findIndex(({ master }) => master === to)
    if (place < 0) place = this.#shards.push({ master: to, replicas: [] }) - 1
    this.#shardOfSlot[slot] = place + 1
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
    const best = views.reduce((a, b) => (b !== null && (a === null || b.epoch > a.epoch) ? b : a), null)
    if (best !== null && best.ranges.length > 0) this.#take(best)
  }

  #take({ ranges }: View): void {
    const shards = new Map<string, Shard>()
    this.#shardOfSlot.fill(0)
    for (const { start, end, members } of ranges) {
      const [master, ...replicas] = members.map((member) => this.server(member))
      if (!shards.has(master.address)) shards.set(master.address, { master, replicas })
      const place = [...shards.keys()].indexOf(master.address)
      this.#shardOfSlot.fill(place + 1, start, end + 1)
    }
    this.#shards = [...shards.values()]
    const owners = ranges.map(({ start, end, members: [master] }) => `${start}-${end}@${addressOf(master)}`)
    this.#version = hash('sha1', owners.sort().join()).slice(0, 12)
    const members = new Set(this.#shards.flatMap(({ master, replicas }) => [master, ...replicas]))
    const seeds = new Set(this.#options.seeds.map(addressOf))
    for (const [address, server] of this.#servers) {
      if (members.has(server) || seeds.has(address)) continue
      server.close()
      this.#servers.delete(address)
    }
  }

  /** Null where the server does not answer. */
  async #view(server: Server): Promise<View | null> {
    const requests = [textRequest('CLUSTER', 'INFO'), textRequest('CLUSTER', 'SLOTS'), textRequest('ROLE')]
    const [info, slots, role] = await ask(server.reads, requests, this.#options.timeoutMs)
    if (Buffer.isBuffer(info) && Array.isArray(slots)) {
      this.#clustered = true
      return clusterView(server, info.toString(), slots)
    }
    if (!Array.isArray(role) || String(role[0]) !== 'master') return null
    const replicas = await this.#replicaSeeds(server)
    return { epoch: 0, ranges: [{ start: 0, end: slotCount - 1, members: [server, ...replicas] }] }
  }

  /** Of a server without a cluster: the other seeds that say they follow another. */
  async #replicaSeeds(master: Server): Promise<Server[]> {
    const others = this.#options.seeds.map((seed) => this.server(seed)).filter((server) => server !== master)
    const roles = await Promise.all(
      others.map(({ reads }) => ask(reads, [textRequest('ROLE')], this.#options.timeoutMs)),
    )
    return others.filter((_, i) => {
      const [role] = roles[i]
      return Array.isArray(role) && String(role[0]) === 'slave'
    })
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
