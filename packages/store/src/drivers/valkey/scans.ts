import type { Table } from '../../record/record.ts'
import { StoreUnavailableError } from '../../validation/errors.ts'
import type { Cursor, StoredRecord, VisitScanned } from '../driver.ts'
import { fields, type HashName, hashName, hashPattern, type Kind, kindOf, parseField, parseHashName } from './layout.ts'
import { readNewest } from './reads.ts'
import { type Reply, type Request, request } from './request.ts'
import type { Server } from './server.ts'
import { slotOf } from './slots.ts'
import type { Topology } from './topology.ts'

/** Hashes whose contents are held at once, events of 16 MiB among them. */
const mostHashes = 128
/** Names that a server looks at for one `SCAN`, which holds up its other clients. */
const scanCount = 1_000
const mostPasses = 4

/** Whose hashes a pass is about. */
type Owners = Pick<HashName, 'tenant' | 'kind'>

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
    let least = { keys: [''], more: true }
    while (least.more) {
      least = await this.#leastKeys({ tenant, kind }, least.keys[least.keys.length - 1])
      for (const key of least.keys) yield Buffer.from(key, 'latin1').toString()
    }
  }

  /** A slice of a table; see `Driver.scan`. Where a slot moved or a master changed since the slice before, all begins anew. */
  async slice(tenant: string, table: Table, cursor: Cursor, maxRecords: number, visit: VisitScanned): Promise<Cursor> {
    const { version, shards } = this.#topology
    const [heldVersion, heldPlace, heldCursor] = (cursor ?? '').split(' ')
    let place = heldVersion === version ? Number(heldPlace) : 0
    let from = heldVersion === version ? heldCursor : '0'
    // A user may have rings of several models, and a server gives some names more than it is asked for.
    const count = Math.ceil(maxRecords / 2)
    for (let looked = 0; looked < count && place < shards.length; ) {
      const { names, next } = await this.#names(shards[place].master, from, { tenant, kind: kindOf(table) }, count)
      for await (const { key, model, record } of this.#recordsOf(names, table))
        if (key !== '') visit(key, model, record)
      looked += next === '0' ? names.length : Math.max(count, names.length)
      from = next
      if (next === '0') place++
    }
    return place < shards.length ? `${version} ${place} ${from}` : null
  }

  /** All records of all tenants. @throws StoreUnavailableError also where slots move or a master changes meanwhile */
  async *records(): AsyncIterable<StoredRecord> {
    const { version, shards } = this.#topology
    for (const { master } of shards) {
      for await (const names of this.#pages(master, null)) {
        yield* this.#recordsOf(names)
        if (this.#topology.version !== version) throw movedMeanwhile()
      }
    }
  }

  /** The least keys behind `after`. All are read as Latin-1, so that they compare as their bytes do. */
  async #leastKeys(owners: Owners, after: string): Promise<{ keys: string[]; more: boolean }> {
    for (let pass = 0; pass < mostPasses; pass++) {
      const { version, shards } = this.#topology
      let keys: string[] = []
      let more = false
      const cut = () => {
        keys = [...new Set(keys)].sort()
        more ||= keys.length > this.#keysAtOnce
        keys = keys.slice(0, this.#keysAtOnce)
      }
      for (const { master } of shards) {
        for await (const names of this.#pages(master, owners)) {
          for (const key of await this.#keysOf(names)) {
            if (key <= after || (more && key > keys[this.#keysAtOnce - 1])) continue
            if (keys.push(key) >= 2 * this.#keysAtOnce) cut()
          }
        }
      }
      cut()
      if (this.#topology.version === version) return { keys, more }
    }
    throw movedMeanwhile()
  }

  /** Keys of the hashes that have a state, whose length alone is asked for. */
  async #keysOf(names: readonly HashName[]): Promise<string[]> {
    const [keys, sizes] = await Promise.all([
      this.#read(names, (_, hash) => request('HGET', hash, fields.key)),
      this.#read(names, (_, hash) => request('HSTRLEN', hash, fields.state)),
    ])
    return keys.flatMap((key, row) => (Buffer.isBuffer(key) && Number(sizes[row]) > 0 ? key.toString('latin1') : []))
  }

  /** Records of hashes, of one table or of all. */
  async *#recordsOf(names: readonly HashName[], table?: Table): AsyncIterable<StoredRecord> {
    for (let i = 0; i < names.length; i += mostHashes) {
      const some = names.slice(i, i + mostHashes)
      const fieldLists = await this.#read(some, (_, hash) => request('HKEYS', hash))
      const hashes = some.flatMap((name, row) => {
        const addresses = (fieldLists[row] as readonly Buffer[]).flatMap((bytes) => {
          const field = String(bytes)
          const address = parseField(name.kind, field)
          return address === undefined || (table ?? address.table) !== address.table ? [] : [{ field, address }]
        })
        return addresses.length === 0 ? [] : [{ ...name, addresses }]
      })
      const values = await this.#read(hashes, ({ addresses }, hash) =>
        request('HMGET', hash, fields.key, ...addresses.map(({ field }) => field)),
      )
      for (const [row, { tenant, digest, addresses }] of hashes.entries()) {
        const [key, ...records] = values[row] as readonly (Buffer | null)[]
        for (const [i, { address }] of addresses.entries()) {
          const record = records[i]
          if (record === null) continue
          yield { ...address, tenant, key: address.table === 'tombstone' ? digest : String(key ?? ''), record }
        }
      }
    }
  }

  /** @param command of a hash and its name in Valkey */
  #read<T extends HashName>(
    hashes: readonly T[],
    command: (hash: T, name: string) => Request,
  ): Promise<readonly Reply[]> {
    const nameOf = ({ tenant, kind, digest }: T) => hashName(tenant, kind, digest)
    const rows = {
      count: hashes.length,
      slots: Uint16Array.from(hashes, ({ digest }) => slotOf(digest)),
      request: (row: number) => command(hashes[row], nameOf(hashes[row])),
    }
    return readNewest(this.#topology, rows, { patienceMs: this.#timeoutMs, mostMs: this.#timeoutMs })
  }

  /** All names of a server, of some owners or of all, by pages. */
  async *#pages(server: Server, owners: Owners | null): AsyncIterable<readonly HashName[]> {
    let cursor = '0'
    do {
      const { names, next } = await this.#names(server, cursor, owners, scanCount)
      yield names
      cursor = next
    } while (cursor !== '0')
  }

  async #names(
    server: Server,
    cursor: string,
    owners: Owners | null,
    count: number,
  ): Promise<{ names: HashName[]; next: string }> {
    const pattern = owners === null ? 'hw:*' : hashPattern(owners.tenant, owners.kind)
    const scan = request('SCAN', cursor, 'MATCH', pattern, 'COUNT', String(count))
    const endMs = performance.now() + this.#timeoutMs
    for (;;) {
      const [reply] = await server.reads.ask([scan], Math.max(1, endMs - performance.now()))
      if (Array.isArray(reply)) {
        const [next, found] = reply as [Buffer, readonly Buffer[]]
        const names = [...new Set(found.map(String))].flatMap((name) => parseHashName(name) ?? [])
        const wanted = names.filter(({ tenant, kind }) => {
          return owners === null || (tenant === owners.tenant && kind === owners.kind)
        })
        return { names: wanted, next: next.toString() }
      }
      if (performance.now() >= endMs) {
        throw new StoreUnavailableError('a Valkey master does not answer; nothing can be listed until it is back')
      }
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
}

function movedMeanwhile(): StoreUnavailableError {
  return new StoreUnavailableError(
    'slots moved or a master changed while the Valkey store was listed; begin again once the cluster is at rest',
  )
}
