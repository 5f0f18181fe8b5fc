import { formatBefore, formatError, formatVersion } from '../../record/record.ts'
import { RequestError } from '../../validation/errors.ts'
import type { Rows } from './exchange.ts'
import { formatName } from './layout.ts'
import { readAvailable, readNewest } from './reads.ts'
import { type Reply, request } from './request.ts'
import { slotOf } from './slots.ts'
import type { Topology } from './topology.ts'
import type { ValkeyOptions } from './valkey-url.ts'
import { runWrites } from './writes.ts'

/**
 * The format that each tenant's records are written in: looked at once, and set before the first write of a new tenant.
 *
 * Servers of the version before refuse records of this one's format, so that a tenant of theirs stays in their format,
 * whichever process writes, until `raise` is called; records of both are read.
 */
export class TenantFormats {
  readonly #topology: Topology
  readonly #options: ValkeyOptions
  readonly #checked = new Set<string>()
  readonly #marked = new Map<string, number>()

  constructor(topology: Topology, options: ValkeyOptions) {
    this.#topology = topology
    this.#options = options
  }

  /**
   * @param mayMiss whether all goes on where no server answers in time; a later call looks again
   * @throws StoreFormatError, StoreUnavailableError
   */
  async check(tenant: string, mayMiss: boolean): Promise<void> {
    if (this.#checked.has(tenant)) return
    const format = mayMiss
      ? (await readAvailable(this.#topology, about('GET', tenant), this.#options.timeoutMs))[0]
      : await this.#newest(tenant)
    checkFormat(tenant, format ?? null)
    if (format !== undefined) this.#checked.add(tenant)
  }

  /** @returns the format to write in @throws StoreFormatError, StoreUnavailableError, StoreWriteError */
  async mark(tenant: string): Promise<number> {
    const marked = this.#marked.get(tenant)
    if (marked !== undefined) return marked
    // A server whose memory is full refuses to set what is there already.
    let reply = await this.#newest(tenant)
    if (reply === null) {
      const set = about('SET', tenant, String(formatVersion), 'NX', 'GET')
      reply = (await runWrites(this.#topology, set, this.#options))[0]
    }
    checkFormat(tenant, reply)
    const format = Number(reply ?? formatVersion)
    this.#marked.set(tenant, format)
    return format
  }

  /**
   * Has a tenant written in this version's format from now on. Other processes do so from their next start.
   *
   * @returns the format of before
   * @throws RequestError where there is no such tenant; StoreFormatError, StoreUnavailableError, StoreWriteError
   */
  async raise(tenant: string): Promise<number> {
    if ((await this.#newest(tenant)) === null) {
      throw new RequestError(`nothing was ever written of the tenant ${JSON.stringify(tenant)}; look at its name`)
    }
    const before = await this.mark(tenant)
    if (before !== formatVersion) {
      await runWrites(this.#topology, about('SET', tenant, String(formatVersion)), this.#options)
      this.#marked.set(tenant, formatVersion)
    }
    return before
  }

  async #newest(tenant: string): Promise<Reply> {
    return (await readNewest(this.#topology, about('GET', tenant), this.#options))[0]
  }
}

/** A command on a tenant's format. */
function about(command: string, tenant: string, ...args: readonly string[]): Rows {
  const name = formatName(tenant)
  return { count: 1, slots: Uint16Array.of(slotOf(name)), request: () => request(command, name, ...args) }
}

/** @throws StoreFormatError */
function checkFormat(tenant: string, reply: Reply): void {
  const format = reply === null ? null : String(reply)
  if (format === null || [formatVersion, formatBefore].map(String).includes(format)) return
  throw formatError(`tenant ${JSON.stringify(tenant)} of the Valkey store`, format)
}
