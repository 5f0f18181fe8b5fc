import { perTable, type Table, tables } from '../../record/record.ts'

/** Writes that wait for, or are on, their way to the disk. A null record stands for a removal. */
export class WriteGroup {
  /** Of the records, not of what holds them. */
  bytes = 0
  isEmpty = true
  readonly #records = perTable(() => new Map<string, Uint8Array | null>())

  get count(): number {
    return tables.reduce((count, table) => count + this.#records[table].size, 0)
  }

  /** Undefined where the group does not touch the address. */
  get(table: Table, address: string): Uint8Array | null | undefined {
    return this.#records[table].get(address)
  }

  set(table: Table, address: string, record: Uint8Array | null): void {
    const records = this.#records[table]
    this.bytes += (record?.length ?? 0) - (records.get(address)?.length ?? 0)
    this.isEmpty = false
    records.set(address, record)
  }

  addresses(table: Table): Iterable<string> {
    return this.#records[table].keys()
  }

  *writes(): Iterable<{ readonly table: Table; readonly address: string; readonly record: Uint8Array | null }> {
    for (const table of tables) {
      for (const [address, record] of this.#records[table]) yield { table, address, record }
    }
  }

  /** Adds a later group's writes. */
  overwriteWith(later: WriteGroup): void {
    for (const { table, address, record } of later.writes()) this.set(table, address, record)
  }
}
