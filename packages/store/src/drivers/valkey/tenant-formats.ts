import { formatBefore, formatError, formatVersion } from '../../record/record.ts'
import { RequestError } from '../../validation/errors.ts'
import type { Rows } from './exchange.ts'
import { formatName } from './layout.ts'
import { readAvailable, readNewest } from './reads.ts'
import { type Reply, textRequest } from './request.ts'
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
  readonly #checked = new Map<string, Promise<boolean>>()
  readonly #marked = new Map<string, Promise<number>>()

  constructor(topology: Topology, options: ValkeyOptions) {
    this.#topology = topology
    this.#options = options
  }

  /**
   * @param mayMiss whether all goes on where no server answers in time; a later call looks again
   * @throws StoreFormatError, StoreUnavailableError
   */
  async check(tenant: string, mayMiss: boolean): Promise<void> {
    await once(this.#checked, tenant, async () => {
      const format = mayMiss
        ? (await readAvailable(this.#topology, request('GET', tenant), this.#options.timeoutMs))[0]
        : await this.#newest(tenant)
      checkFormat(tenant, format ?? null)
      return format !== undefined
    })
  }

  /** @returns the format to write in @throws StoreFormatError, StoreUnavailableError, StoreWriteError */
  async mark(tenant: string): Promise<number> {
    return once(this.#marked, tenant, async () => {
      // A server whose memory is full refuses to set what is there already.
      let format = await this.#newest(tenant)
      if (format === null) {
        const set = request('SET', tenant, String(formatVersion), 'NX', 'GET')
        format = (await runWrites(this.#topology, set, this.#options))[0]
      }
      checkFormat(tenant, format)
      return Number(format ?? formatVersion)
    })
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
      await runWrites(this.#topology, request('SET', tenant, String(formatVersion)), this.#options)
      this.#marked.set(tenant, Promise.resolve(formatVersion))
    }
    return before
  }

  async #newest(tenant: string): Promise<Reply> {
    return (await readNewest(this.#topology, request('GET', tenant), this.#options.writeTimeoutMs))[0]
  }
}

function request(command: string, tenant: string, ...args: readonly string[]): Rows {
  const name = formatName(tenant)
  return { count: 1, slots: Uint16Array.of(slotOf(name)), request: () => textRequest(command, name, ...args) }
}

/** @throws StoreFormatError */
function checkFormat(tenant: string, reply: Reply): void {
  const format = reply === null ? null : String(reply)
  if (format === null || [formatVersion, formatBefore].map(String).includes(format)) return
  throw formatError(`tenant ${JSON.stringify(tenant)} of the Valkey store`, format)
}

/** Does something once a tenant; again where it failed, or said by `false` that it is not done. */
async function once<Done extends boolean | number>(
  done: Map<string, Promise<Done>>,
  tenant: string,
  act: () => Promise<Done>,
): Promise<Done> {
  let promise = done.get(tenant)
  if (promise === undefined) {
    promise = act()
    done.set(tenant, promise)
  }
  const settled = await promise.catch((error) => {
    done.delete(tenant)
    throw error
  })
  if (!settled) done.delete(tenant)
  return settled
}
