import type { ValkeyNode } from './node.ts'
import { until } from './wait-until.ts'

const slotCount = 16_384

/** A slot on its way from one master to another. */
export type SlotMove = Awaited<ReturnType<ValkeyCluster['moveSlot']>>

/** Masters and replicas on the loopback, the slots spread evenly over the masters. */
export class ValkeyCluster {
  readonly nodes: readonly ValkeyNode[]
  readonly #password: string | undefined
  readonly #ids = new Map<ValkeyNode, string>()

  private constructor(nodes: readonly ValkeyNode[], password: string | undefined) {
    this.nodes = nodes
    this.#password = password
  }

  /** Joins fresh servers; the first `masters` become masters, the others their replicas in turn. */
  static async join(
    nodes: readonly ValkeyNode[],
    busPorts: readonly number[],
    masters: number,
    password: string | undefined,
  ): Promise<ValkeyCluster> {
    const cluster = new ValkeyCluster(nodes, password)
    const [first] = nodes
    for (let n = 0; n < nodes.length; n++) {
      cluster.#ids.set(nodes[n], String(await nodes[n].command('CLUSTER', 'MYID')))
      await nodes[n].command('CLUSTER', 'SET-CONFIG-EPOCH', n + 1)
      if (n > 0) await first.command('CLUSTER', 'MEET', nodes[n].host, nodes[n].port, busPorts[n])
      if (n >= masters) continue
      const start = Math.floor((n * slotCount) / masters)
      const end = Math.floor(((n + 1) * slotCount) / masters) - 1
      await nodes[n].command('CLUSTER', 'ADDSLOTSRANGE', start, end)
    }
    await cluster.#untilEach('all know each other', async (node) => {
      const info = String(await node.command('CLUSTER', 'INFO'))
      return info.includes(`cluster_known_nodes:${nodes.length}\r`) && info.includes('cluster_state:ok')
    })
    for (let n = masters; n < nodes.length; n++) {
      const masterId = cluster.id(nodes[n % masters])
      await until('a replica knows its master', async () => {
        return (await nodes[n].command('CLUSTER', 'REPLICATE', masterId).catch(() => null)) === 'OK'
      })
    }
    await cluster.settled()
    return cluster
  }

  /** The cluster's name of a node. */
  id(node: ValkeyNode): string {
    return this.#ids.get(node)!
  }

  /** Nodes that can be asked and say that they are masters with slots. */
  async masters(): Promise<ValkeyNode[]> {
    const lines = await this.#lines()
    return this.nodes.filter((node) => {
      const fields = lines.get(this.id(node))
      return fields !== undefined && /\bmaster\b/.test(fields[2]) && !/fail/.test(fields[2]) && fields.length > 8
    })
  }

  /** @throws Error where the node has none. */
  async replicaOf(master: ValkeyNode): Promise<ValkeyNode> {
    const lines = await this.#lines()
    const found = this.nodes.find((node) => lines.get(this.id(node))?.[3] === this.id(master))
    if (found === undefined) throw new Error(`${master.address} has no replica`)
    return found
  }

  /** The master that serves the slot of a key. */
  async masterOfKey(key: string): Promise<ValkeyNode> {
    return this.masterOfSlot(await this.slotOf(key))
  }

  async slotOf(key: string): Promise<number> {
    return Number(await (await this.#anyNode()).command('CLUSTER', 'KEYSLOT', key))
  }

  async masterOfSlot(slot: number): Promise<ValkeyNode> {
    const lines = await this.#lines()
    for (const node of this.nodes) {
      for (const range of lines.get(this.id(node))?.slice(8) ?? []) {
        const [start, end = start] = range.split('-').map(Number)
        if (start <= slot && slot <= end) return node
      }
    }
    throw new Error(`no node serves slot ${slot}`)
  }

  /** Begins to move a slot: until it is finished, both masters hold some of its keys. */
  async moveSlot(slot: number, to: ValkeyNode) {
    const from = await this.masterOfSlot(slot)
    const [fromId, toId] = [this.id(from), this.id(to)]
    await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId)
    await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId)
    const auth = this.#password === undefined ? [] : ['AUTH', this.#password]
    /** Moves up to `count` keys; false when none was left. */
    const step = async (count: number) => {
      const keys = (await from.commandBytes('CLUSTER', 'GETKEYSINSLOT', slot, count)) as Buffer[]
      if (keys.length === 0) return false
      await from.command('MIGRATE', to.host, to.port, '', 0, 5_000, ...auth, 'KEYS', ...keys)
      return true
    }
    /** Moves what is left and makes the new owner known. */
    const finish = async () => {
      while (await step(100));
      await to.command('CLUSTER', 'SETSLOT', slot, 'NODE', toId)
      for (const node of await this.masters()) {
        if (node !== to) await node.command('CLUSTER', 'SETSLOT', slot, 'NODE', toId)
      }
    }
    return { slot, from, to, step, finish }
  }

  /** Lets a replica take over from its living master; done when all nodes know. */
  async failover(replica: ValkeyNode): Promise<void> {
    await replica.command('CLUSTER', 'FAILOVER')
    await this.#untilEach(`${replica.address} is master`, async (node) => {
      const own = (await this.#linesOf(node)).find(([id]) => id === this.id(replica))
      return own?.[2].includes('master') === true
    })
  }

  /** Waits until every node that runs finds the cluster whole and every replica follows its master. */
  async settled(): Promise<void> {
    await this.#untilEach('all nodes find the cluster whole', async (node) => {
      if (!String(await node.command('CLUSTER', 'INFO')).includes('cluster_state:ok')) return false
      const nodes = String(await node.command('CLUSTER', 'NODES'))
      if (/fail|handshake|disconnected/.test(nodes)) return false
      if ((await node.info('replication', 'role')) === 'master') return true
      return (await node.info('replication', 'master_link_status')) === 'up'
    })
    await this.#untilEach('all nodes tell clients of the replicas', async (node) => {
      const replicas = (await this.#linesOf(node)).filter(([, , flags]) => flags.includes('slave')).length
      const ranges = (await node.command('CLUSTER', 'SLOTS')) as readonly (readonly unknown[])[]
      const told = new Set(ranges.flatMap((range) => range.slice(3).map((member) => String((member as unknown[])[2]))))
      return told.size === replicas
    })
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.close()))
  }

  async #untilEach(what: string, check: (node: ValkeyNode) => Promise<boolean>): Promise<void> {
    for (const node of this.nodes) {
      if (await this.#answers(node)) await until(what, () => check(node).catch(() => false))
    }
  }

  async #anyNode(): Promise<ValkeyNode> {
    for (const node of this.nodes) if (await this.#answers(node)) return node
    throw new Error('no node of the cluster answers')
  }

  async #answers(node: ValkeyNode): Promise<boolean> {
    return (await node.command('PING').catch(() => null)) === 'PONG'
  }

  /** By name, the fields of `CLUSTER NODES`. Each node tells of itself where it can. */
  async #lines(): Promise<Map<string, string[]>> {
    return new Map((await this.#linesOf(await this.#anyNode())).map((fields) => [fields[0], fields]))
  }

  async #linesOf(node: ValkeyNode): Promise<string[][]> {
    const lines = String(await node.command('CLUSTER', 'NODES'))
      .trim()
      .split('\n')
    return lines.map((line) => line.split(' '))
  }
}
