import type { Table } from '../../record/record.ts'
import { StoreUnavailableError } from '../../validation/errors.ts'
import type { StoredRecord } from '../driver.ts'
import { ask } from './ask.ts'
import type { Rows } from './exchange.ts'
import {
  fieldOf,
  fields,
  type HashName,
  hashName,
  hashPattern,
  type Kind,
  kindOf,
  parseField,
  parseHashName,
} from './layout.ts'
import { Digests, readNewest } from './reads.ts'
import { type Reply, textRequest } from './request.ts'
import type { Server } from './server.ts'
import type { Topology } from './topology.ts'

/** Hashes whose contents are held at once, events of 16 MiB among them. */
const mostHashes = 128
/** Names that a server looks at for one `SCAN`, which holds up its other clients. */
const scanCount = 1_000
const mostPasses = 4

/** Passes over all hashes of a server or of all. A pass of `SCAN` may give a hash twice, and never leaves out one that stays. */
export class Scans {
  readonly #topology: Topology
  readonly #timeoutMs: number
  readonly #keysAtOnce: number

  /** @param keysAtOnce how many keys are sorted in memory */
  constructor(topology: Topology, timeoutMs: number, keysAtOnce: number) {
    this.#topology = topology
    this.#timeoutMs = timeoutMs
    this.#keysAtOnce = keysAtOnce
  }

  /**
   * Keys in order. A server knows no order, so each pass over all hashes keeps the least `keysAtOnce` of those not given
   * yet: keys ÷ `keysAtOnce` passes, whose cost is that of reading each key once a pass.
   */
  async *keys(tenant: string, kind: Kind): AsyncIterable<string> {
    let last: Buffer | null = null
    for (;;) {
      const least = await this.#leastKeys(tenant, kind, last)
      for (const key of least.keys) yield key.toString()
      if (!least.more) return
      last = least.keys[least.keys.length - 1]
    }
  }

  /** A slice of a table; see `Driver.scan`. Where a slot moved or a master changed since the slice before, all begins anew. */
  async slice(
    tenant: string,
    table: Table,
    cursor: string | null,
    maxRecords: number,
    visit: (key: string, model: string | undefined, record: Uint8Array) => void,
  ): Promise<string | null> {
    const { version, shards } = this.#topology
    const [heldVersion, heldPlace, heldCursor] = (cursor ?? '').split(' ')
    let place = heldVersion === version ? Number(heldPlace) : 0
    let from = heldVersion === version ? heldCursor : '0'
    const kind = kindOf(table)
    // A user may have rings of several models, and a server gives some names more than it is asked for.
    const count = Math.ceil(maxRecords / 2)
    for (let looked = 0; looked < count && place < shards.length; ) {
      const { names, next } = await this.#names(shards[place].master, from, hashPattern(tenant, kind), count)
      const hashes = names.filter((name) => name.kind === kind && name.tenant === tenant)
      for (let i = 0; i < hashes.length; i += mostHashes) {
        const digests = hashes.slice(i, i + mostHashes).map(({ digest }) => digest)
        await this.#visitTable(tenant, table, digests, visit)
      }
      looked += next === '0' ? hashes.length : Math.max(count, hashes.length)
      from = next
      if (next === '0') place++
    }
    return place < shards.length ? `${version} ${place} ${from}` : null
  }

  /** All records of all tenants. @throws StoreUnavailableError also where slots move or a master changes meanwhile */
  async *records(): AsyncIterable<StoredRecord> {
    const { version, shards } = this.#topology
    for (const { master } of shards) {
      let cursor = '0'
      do {
        const { names, next } = await this.#names(master, cursor, 'hw:*', scanCount)
        for (let i = 0; i < names.length; i += mostHashes) yield* await this.#recordsOf(names.slice(i, i + mostHashes))
        if (this.#topology.version !== version) throw movedMeanwhile()
        cursor = next
      } while (cursor !== '0')
    }
  }

  async #leastKeys(tenant: string, kind: Kind, after: Buffer | null): Promise<{ keys: Buffer[]; more: boolean }> {
    for (let pass = 0; pass < mostPasses; pass++) {
      const { version, shards } = this.#topology
      const least = new LeastKeys(after, this.#keysAtOnce)
      for (const { master } of shards) {
        let cursor = '0'
        do {
          const { names, next } = await this.#names(master, cursor, hashPattern(tenant, kind), scanCount)
          await this.#addKeys(tenant, kind, names, least)
          cursor = next
        } while (cursor !== '0')
      }
      if (this.#topology.version === version) return least.sorted()
    }
    throw movedMeanwhile()
  }

  async #addKeys(tenant: string, kind: Kind, names: readonly HashName[], least: LeastKeys): Promise<void> {
    const digests = names.filter((name) => name.kind === kind && name.tenant === tenant).map(({ digest }) => digest)
    // Two commands a hash: its key, and whether it has a state, which may be long.
    const twice = new Digests(digests.flatMap((digest) => [digest, digest]))
    const replies = await this.#read({
      count: twice.digests.length,
      slots: twice.slots,
      request: (row) =>
        row % 2 === 0
          ? textRequest('HGET', hashName(tenant, kind, twice.digests[row]), fields.key)
          : textRequest('HSTRLEN', hashName(tenant, kind, twice.digests[row]), fields.state),
    })
    for (let row = 0; row < replies.length; row += 2) {
      const key = replies[row]
      if (Buffer.isBuffer(key) && Number(replies[row + 1]) > 0) least.add(key)
    }
  }

  async #visitTable(
    tenant: string,
    table: Table,
    digests: readonly string[],
    visit: (key: string, model: string | undefined, record: Uint8Array) => void,
  ): Promise<void> {
    if (table === 'ring') {
      const names = digests.map((digest): HashName => ({ tenant, kind: 'user', digest }))
      for (const { table: held, key, model, record } of await this.#recordsOf(names, 'r:')) {
        if (held === 'ring') visit(key, model, record)
      }
      return
    }
    const wanted = [fields.key, fieldOf(table, undefined)]
    const replies = await this.#readFields(
      digests.map((digest) => ({ tenant, kind: kindOf(table), digest, fields: wanted })),
    )
    for (let row = 0; row < digests.length; row++) {
      const [key, record] = replies[row]
      if (record === null) continue
      if (table === 'tombstone') visit(digests[row], undefined, record)
      else if (key !== null) visit(key.toString(), undefined, record)
    }
  }

  /** Records of hashes, those whose fields begin with a prefix. */
  async #recordsOf(names: readonly HashName[], prefix = ''): Promise<StoredRecord[]> {
    const fieldLists = await this.#read(
      requestsOf(names, ({ tenant, kind, digest }) => textRequest('HKEYS', hashName(tenant, kind, digest))),
    )
    const wanted = names.map((name, row) => {
      const held = (fieldLists[row] as readonly Buffer[]).map(String)
      const ofRecords = held.filter((field) => field.startsWith(prefix) && parseField(name.kind, field) !== undefined)
      return { ...name, fields: [fields.key, ...ofRecords] }
    })
    const hashes = wanted.filter(({ fields }) => fields.length > 1)
    const values = await this.#readFields(hashes)
    return hashes.flatMap(({ tenant, kind, digest, fields }, row) => {
      const [key, ...records] = values[row]
      return records.flatMap((record, i) => {
        if (record === null) return []
        const address = parseField(kind, fields[i + 1])!
        return [{ ...address, tenant, key: address.table === 'tombstone' ? digest : (key?.toString() ?? ''), record }]
      })
    })
  }

  /** Values of the fields of hashes. */
  async #readFields(hashes: readonly (HashName & { fields: readonly string[] })[]): Promise<(Buffer | null)[][]> {
    const replies = await this.#read(
      requestsOf(hashes, ({ tenant, kind, digest, fields }) =>
        textRequest('HMGET', hashName(tenant, kind, digest), ...fields),
      ),
    )
    return replies as (Buffer | null)[][]
  }

  async #read(rows: Rows): Promise<readonly Reply[]> {
    const { replies, missing } = await readNewest(this.#topology, rows, this.#timeoutMs)
    if (missing > 0) throw unanswered()
    return replies as Reply[]
  }

  async #names(
    server: Server,
    cursor: string,
    pattern: string,
    count: number,
  ): Promise<{ names: HashName[]; next: string }> {
    const request = textRequest('SCAN', cursor, 'MATCH', pattern, 'COUNT', String(count))
    const endMs = performance.now() + this.#timeoutMs
    for (;;) {
      const [reply] = await ask(server.reads, [request], Math.max(1, endMs - performance.now()))
      if (Array.isArray(reply)) {
        const [next, found] = reply as [Buffer, readonly Buffer[]]
        const names = [...new Set(found.map(String))].flatMap((name) => parseHashName(name) ?? [])
        return { names, next: next.toString() }
      }
      if (performance.now() >= endMs) throw unanswered()
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
}

/** The least of the keys that were added, as bytes; without repeats. */
class LeastKeys {
  readonly #after: Buffer | null
  readonly #count: number
  #keys: Buffer[] = []
  #below: Buffer | null = null

  constructor(after: Buffer | null, count: number) {
    this.#after = after
    this.#count = count
  }

  add(key: Buffer): void {
    if (this.#after !== null && Buffer.compare(key, this.#after) <= 0) return
    if (this.#below !== null && Buffer.compare(key, this.#below) > 0) return
    // A copy, as the reply it is a part of is larger.
    if (this.#keys.push(Buffer.from(key)) >= 2 * this.#count) this.#cut()
  }

  sorted(): { keys: Buffer[]; more: boolean } {
    this.#cut()
    return { keys: this.#keys, more: this.#below !== null }
  }

  #cut(): void {
    const sorted = this.#keys.sort(Buffer.compare)
    this.#keys = sorted.filter((key, i) => i === 0 || !key.equals(sorted[i - 1]))
    if (this.#keys.length <= this.#count) return
    this.#keys.length = this.#count
    this.#below = this.#keys[this.#count - 1]
  }
}

function requestsOf<T extends HashName>(hashes: readonly T[], request: (hash: T) => string): Rows {
  const { slots } = new Digests(hashes.map(({ digest }) => digest))
  return { count: hashes.length, slots, request: (row) => request(hashes[row]) }
}

function unanswered(): StoreUnavailableError {
  return new StoreUnavailableError('a Valkey master does not answer; nothing can be listed until it is back')
}

function movedMeanwhile(): StoreUnavailableError {
  return new StoreUnavailableError(
    'slots moved or a master changed while the Valkey store was listed; begin again once the cluster is at rest',
  )
}
