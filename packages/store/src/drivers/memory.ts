import type { Driver, RecordWrite, RemovedUser, StoredRecord } from '../driver.ts'
import { recordVersion, type Table } from '../record.ts'
import type { StateKind } from '../state-record.ts'

/**
 * Records in Maps, for tests and small runs: nothing is durable, nothing is evicted, and each record costs a heap object
 * beside its bytes.
 */
export class MemoryDriver implements Driver {
  /** By table, tenant and, for rings, model; then by key. */
  readonly #maps = new Map<string, Map<string, Uint8Array>>()

  async readRings(
    tenant: string,
    users: readonly string[],
    models: readonly string[],
    visit: (user: number, model: number, record: Uint8Array | undefined) => void,
  ): Promise<void> {
    for (let m = 0; m < models.length; m++) {
      const map = this.#maps.get(mapName('ring', tenant, models[m]))
      for (let u = 0; u < users.length; u++) visit(u, m, map?.get(users[u]))
    }
  }

  async readStates(
    tenant: string,
    kind: StateKind,
    keys: readonly string[],
    visit: (place: number, record: Uint8Array | undefined) => void,
  ): Promise<void> {
    const map = this.#maps.get(mapName(kind, tenant))
    for (let i = 0; i < keys.length; i++) visit(i, map?.get(keys[i]))
  }

  async write(tenant: string, groups: readonly (readonly RecordWrite[])[]): Promise<Uint8Array> {
    const done = new Uint8Array(groups.length)
    for (let g = 0; g < groups.length; g++) {
      const group = groups[g]
      const held = group.map(({ table, key, model }) => this.#maps.get(mapName(table, tenant, model))?.get(key))
      if (group.some(({ expected }, i) => recordVersion(held[i]) !== expected)) continue
      for (const { table, key, model, record } of group) this.#mapOf(mapName(table, tenant, model)).set(key, record)
      done[g] = 1
    }
    return done
  }

  async removeUser(tenant: string, user: string): Promise<RemovedUser> {
    let rings = 0
    const ringsOfTenant = mapName('ring', tenant, '')
    for (const [name, map] of this.#maps) if (name.startsWith(ringsOfTenant) && map.delete(user)) rings++
    const states = this.#maps.get(mapName('user', tenant))?.delete(user) ? 1 : 0
    return { rings, states }
  }

  async *keys(tenant: string, kind: StateKind): AsyncIterable<string> {
    const keys = [...(this.#maps.get(mapName(kind, tenant))?.keys() ?? [])].map((key) => Buffer.from(key))
    // The order of UTF-16 units, which strings compare by, is another.
    for (const key of keys.sort(Buffer.compare)) yield key.toString()
  }

  async *records(): AsyncIterable<StoredRecord> {
    for (const [name, map] of this.#maps) {
      const [table] = name.split('\0')
      for (const [key, record] of map) yield { table: table as Table, address: `${name}\0${key}`, record }
    }
  }

  async flushed(): Promise<void> {}

  async close(): Promise<void> {
    this.#maps.clear()
  }

  #mapOf(name: string): Map<string, Uint8Array> {
    const map = this.#maps.get(name) ?? new Map<string, Uint8Array>()
    this.#maps.set(name, map)
    return map
  }
}

function mapName(table: Table, tenant: string, model?: string): string {
  return model === undefined ? `${table}\0${tenant}` : `${table}\0${tenant}\0${model}`
}
