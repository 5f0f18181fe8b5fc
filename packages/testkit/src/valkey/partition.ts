import { connect, createServer, type Socket } from 'node:net'
import type { ValkeyCluster } from './cluster.ts'
import type { ValkeyNode } from './node.ts'
import { until } from './wait-until.ts'

/** What lies between the clients of a master and itself. */
export interface Partition {
  /** Nothing of clients goes through any more, in either direction; the servers hear one another. */
  begin(): void
  end(): void
  /** The master is announced by its own address again. */
  close(): Promise<void>
}

/**
 * Has a cluster announce one master at an address that clients can be cut off from: those who come later are met there. Seeds
 * that name the master itself go around it.
 */
export async function partitionOf(cluster: ValkeyCluster, master: ValkeyNode): Promise<Partition> {
  const pairs = new Set<{ readonly sockets: readonly Socket[]; isReplica: boolean }>()
  let isCut = false
  const proxy = createServer((client) => {
    const server = connect(master.port, master.host)
    const pair = { sockets: [client, server], isReplica: false }
    pairs.add(pair)
    const end = () => {
      pairs.delete(pair)
      for (const socket of pair.sockets) socket.destroy()
    }
    for (const [from, to] of [
      [client, server],
      [server, client],
    ]) {
      from.on('data', (bytes) => {
        // What replicas say first.
        if (from === client && bytes.includes('REPLCONF')) pair.isReplica = true
        to.write(bytes)
      })
      from.on('close', end).on('error', end)
    }
    if (isCut) for (const socket of pair.sockets) socket.pause()
  })
  await new Promise<void>((resolve) => proxy.listen(0, master.host, resolve))
  const { port } = proxy.address() as { port: number }
  const announce = async (announced: number) => {
    await master.command('CONFIG', 'SET', 'cluster-announce-port', announced)
    const shown = announced === 0 ? master.port : announced
    for (const node of cluster.nodes) {
      await until('all announce the address', async () => {
        return String(await node.command('CLUSTER', 'NODES')).includes(`${cluster.id(master)} ${master.host}:${shown}@`)
      })
    }
  }
  await announce(port)
  return {
    begin() {
      isCut = true
      for (const { sockets, isReplica } of pairs) if (!isReplica) for (const socket of sockets) socket.pause()
    },
    end() {
      isCut = false
      for (const { sockets } of pairs) for (const socket of sockets) socket.resume()
    },
    async close() {
      for (const { sockets } of pairs) for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => proxy.close(resolve))
      await announce(0)
    },
  }
}
