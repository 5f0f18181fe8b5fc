import { StoreUnavailableError } from '../../errors.ts'
import { formatError, formatVersion } from '../../record.ts'
import type { Rows } from './exchange.ts'
import { formatName } from './layout.ts'
import { readAvailable, readNewest } from './reads.ts'
import { type Reply, textRequest } from './request.ts'
import { slotOf } from './slots.ts'
import type { Topology } from './topology.ts'
import type { ValkeyOptions } from './valkey-url.ts'
import { runWrites } from './writes.ts'

/** The format of each tenant that is used: looked at once, and set before the first write of a new one. */
export class TenantFormats {
  readonly #topology: Topology
  readonly #options: ValkeyOptions
  readonly #checked = new Map<string, Promise<boolean>>()
  readonly #marked = new Map<string, Promise<boolean>>()

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

  /** @throws StoreFormatError, StoreUnavailableError, StoreWriteError */
  async mark(tenant: string): Promise<void> {
    await once(this.#marked, tenant, async () => {
      // A server whose memory is full refuses to set what is there already.
      let format = await this.#newest(tenant)
      if (format === null) {
        const set = request('SET', tenant, String(formatVersion), 'NX', 'GET')
        format = (await runWrites(this.#topology, set, this.#options))[0]
      }
      checkFormat(tenant, format)
      return true
    })
  }

  async #newest(tenant: string): Promise<Reply> {
    const { writeTimeoutMs } = this.#options
    const { replies, missing } = await readNewest(this.#topology, request('GET', tenant), writeTimeoutMs)
    if (missing === 0) return replies[0] ?? null
    throw new StoreUnavailableError(`no Valkey master answered within ${writeTimeoutMs} ms; try again once it is back`)
  }
}

function request(command: string, tenant: string, ...args: readonly string[]): Rows {
  const name = formatName(tenant)
  return { count: 1, slots: Uint16Array.of(slotOf(name)), request: () => textRequest(command, name, ...args) }
}

/** @throws StoreFormatError */
function checkFormat(tenant: string, reply: Reply): void {
  const format = reply === null ? null : String(reply)
  if (format === null || format === String(formatVersion)) return
  throw formatError(`tenant ${JSON.stringify(tenant)} of the Valkey store`, format)
}

/** Does something once a tenant; again where it failed or said that it is not done. */
async function once(done: Map<string, Promise<boolean>>, tenant: string, act: () => Promise<boolean>): Promise<void> {
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
}
