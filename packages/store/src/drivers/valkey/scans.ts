import type { Table } from '../../record/record.ts'
import { StoreUnavailableError } from '../../validation/errors.ts'
import type { Cursor, StoredRecord, VisitScanned } from '../driver.ts'
import { ask } from './ask.ts'
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
import { readNewest } from './reads.ts'
import { type Reply, textRequest } from './request.ts'
import type { Server } from './server.ts'
import { slotOf } from './slots.ts'
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
  async slice(tenant: string, table: Table, cursor: Cursor, maxRecords: number, visit: VisitScanned): Promise<Cursor> {
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
      for await (const names of this.#pages(master, 'hw:*')) {
        for (let i = 0; i < names.length; i += mostHashes) yield* await this.#recordsOf(names.slice(i, i + mostHashes))
        if (this.#topology.version !== version) throw movedMeanwhile()
      }
    }
  }

  async #leastKeys(tenant: string, kind: Kind, after: Buffer | null): Promise<{ keys: Buffer[]; more: boolean }> {
    for (let pass = 0; pass < mostPasses; pass++) {
      const { version, shards } = this.#topology
      const least = new LeastKeys(after, this.#keysAtOnce)
      for (const { master } of shards) {
        for await (const names of this.#pages(master, hashPattern(tenant, kind))) {
          await this.#addKeys(
            names.filter((name) => name.kind === kind && name.tenant === tenant),
            least,
          )
        }
      }
      if (this.#topology.version === version) return least.sorted()
    }
    throw movedMeanwhile()
  }

  /** Two commands a hash: its key, and whether it has a state, which may be long. */
  async #addKeys(names: readonly HashName[], least: LeastKeys): Promise<void> {
    const twice = names.flatMap((name) => [name, name])
    const replies = await this.#read(twice, (_, hash, row) =>
      row % 2 === 0 ? textRequest('HGET', hash, fields.key) : textRequest('HSTRLEN', hash, fields.state),
    )
    for (let row = 0; row < replies.length; row += 2) {
      const key = replies[row]
      if (Buffer.isBuffer(key) && Number(replies[row + 1]) > 0) least.add(key)
    }
  }

  async #visitTable(tenant: string, table: Table, digests: readonly string[], visit: VisitScanned): Promise<void> {
    const names = digests.map((digest): HashName => ({ tenant, kind: kindOf(table), digest }))
    if (table === 'ring') {
      for (const { key, model, record } of await this.#recordsOf(names, 'r:')) visit(key, model, record)
      return
    }
    const field = fieldOf(table, undefined)
    const replies = await this.#read(names, (_, hash) => textRequest('HMGET', hash, fields.key, field))
    for (let row = 0; row < digests.length; row++) {
      const [key, record] = replies[row] as readonly (Buffer | null)[]
      if (record === null) continue
      if (table === 'tombstone') visit(digests[row], undefined, record)
      else if (key !== null) visit(key.toString(), undefined, record)
    }
  }

  /** Records of hashes, those whose fields begin with a prefix. */
  async #recordsOf(names: readonly HashName[], prefix = ''): Promise<StoredRecord[]> {
    const fieldLists = await this.#read(names, (_, hash) => textRequest('HKEYS', hash))
    const wanted = names.map((name, row) => {
      const held = (fieldLists[row] as readonly Buffer[]).map(String)
      const ofRecords = held.filter((field) => field.startsWith(prefix) && parseField(name.kind, field) !== undefined)
      return { ...name, fields: [fields.key, ...ofRecords] }
    })
    const hashes = wanted.filter(({ fields }) => fields.length > 1)
    const values = await this.#read(hashes, ({ fields }, hash) => textRequest('HMGET', hash, ...fields))
    return hashes.flatMap(({ tenant, kind, digest, fields }, row) => {
      const [key, ...records] = values[row] as readonly (Buffer | null)[]
      return records.flatMap((record, i) => {
        if (record === null) return []
        const address = parseField(kind, fields[i + 1])!
        return [{ ...address, tenant, key: address.table === 'tombstone' ? digest : (key?.toString() ?? ''), record }]
      })
    })
  }

  /** @param request of a hash, by its name in Valkey and its place */
  #read<T extends HashName>(
    hashes: readonly T[],
    request: (hash: T, name: string, row: number) => string,
  ): Promise<readonly Reply[]> {
    const nameOf = ({ tenant, kind, digest }: T) => hashName(tenant, kind, digest)
    const rows = {
      count: hashes.length,
      slots: Uint16Array.from(hashes, ({ digest }) => slotOf(digest)),
      request: (row: number) => request(hashes[row], nameOf(hashes[row]), row),
    }
    return readNewest(this.#topology, rows, this.#timeoutMs)
  }

  /** All names of a server that match, by pages. */
  async *#pages(server: Server, pattern: string): AsyncIterable<readonly HashName[]> {
    let cursor = '0'
    do {
      const { names, next } = await this.#names(server, cursor, pattern, scanCount)
      yield names
      cursor = next
    } while (cursor !== '0')
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
      if (performance.now() >= endMs) {
        throw new StoreUnavailableError('a Valkey master does not answer; nothing can be listed until it is back')
      }
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

function movedMeanwhile(): StoreUnavailableError {
  return new StoreUnavailableError(
    'slots moved or a master changed while the Valkey store was listed; begin again once the cluster is at rest',
  )
}
