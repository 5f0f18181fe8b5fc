/** What a careful user of the bare client would write: an HMGET a user, in one pipeline a master. */
import { createHash } from 'node:crypto'
import type { ValkeyNode } from '@headwater/testkit/valkey'
import { Redis } from 'iovalkey'

export interface GroupedHmget {
  /** Reads users' rings, by their places. @throws Error where one is missing */
  read(batch: readonly number[]): Promise<void>
  close(): void
}

/** @param keys of users who all have a ring of the model */
export async function groupedHmget(
  masters: readonly ValkeyNode[],
  keys: readonly string[],
  model: string,
): Promise<GroupedHmget> {
  const connections = masters.map(({ host, port }) => new Redis(port, host))
  const hashes = keys.map(hashOf)
  const starts = await Promise.all(masters.map((node) => firstSlot(node)))
  const nodeOf = hashes.map((hash) => ownerOf(slotOf(hash), starts))
  return {
    async read(batch) {
      const pipelines = connections.map((connection) => connection.pipeline())
      for (const user of batch) pipelines[nodeOf[user]].hmgetBuffer(hashes[user], `r:${model}`)
      const replies = await Promise.all(pipelines.map((pipeline) => pipeline.exec()))
      const found = replies.flatMap((reply) => reply ?? []).filter(([, value]) => (value as Buffer[])[0] !== null)
      if (found.length !== batch.length)
        throw new Error(`The bare client found ${found.length} of ${batch.length} users.`)
    },
    close() {
      for (const connection of connections) connection.disconnect()
    },
  }
}

/** Where docs/store.md says that a user's fields lie. */
function hashOf(key: string): string {
  const digest = createHash('sha256').update(`default\0${key}`).digest('base64url').slice(0, 22)
  return `hw:default:{${digest}}`
}

/** A master's first slot: each has one range of them. */
async function firstSlot(node: ValkeyNode): Promise<number> {
  const ranges = (await node.command('CLUSTER', 'SLOTS')) as [number, number, [string, number]][]
  return ranges.find(([, , [, port]]) => port === node.port)![0]
}

const ownerOf = (slot: number, starts: readonly number[]) =>
  starts.reduce((owner, start, i) => (start <= slot && start >= starts[owner] ? i : owner), starts.indexOf(0))

/** Slot of a key by the cluster's specification: CRC-16 (XMODEM) of what stands between its braces. */
function slotOf(key: string): number {
  let crc = 0
  for (const byte of Buffer.from(key.slice(key.indexOf('{') + 1, key.indexOf('}')))) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff
  }
  return crc % 16_384
}
