import { createHash } from 'node:crypto'
import { type Reply, type Request, request } from './request.ts'
import { slotOf } from './slots.ts'
import { Topology } from './topology.ts'
import { parseValkeyUrl, type ValkeyOptions } from './valkey-url.ts'
import { runWrites } from './writes.ts'

/** One run of the script. */
export interface ScriptCall {
  /** Names that share one ASCII hash tag, so that one slot has them. */
  readonly keys: readonly [string, ...string[]]
  readonly args: readonly (string | Uint8Array)[]
}

/**
 * Runs a Lua script of the caller's on the servers of a store, by connections of its own: slots that move, masters that
 * change, TLS and the durability of the URL are seen to as for the store's records.
 */
export class ScriptRunner {
  readonly #topology: Topology
  readonly #options: ValkeyOptions
  readonly #sha: string
  readonly #load: Request

  private constructor(topology: Topology, options: ValkeyOptions, script: string) {
    this.#topology = topology
    this.#options = options
    this.#sha = createHash('sha1').update(script).digest('hex')
    this.#load = request('SCRIPT', 'LOAD', script)
  }

  /**
   * @param url as `openStore` takes it, `valkey://` or `valkeys://`
   * @throws StoreUrlError; StoreAccessError where no server answers or one refuses the user
   */
  static async connect(url: string, script: string): Promise<ScriptRunner> {
    const options = parseValkeyUrl(url)
    return new ScriptRunner(await Topology.open(options), options, script)
  }

  /**
   * Runs are independent of each other. A run that may have happened is not made again.
   *
   * @param durability for runs that may be lost in a failover; default: the URL's
   * @returns a reply a call
   * @throws StoreUnavailableError where none was run; StoreWriteError where some may have been; StoreAccessError where the
   *   script failed
   */
  run(calls: readonly ScriptCall[], durability = this.#options.durability): Promise<readonly Reply[]> {
    const rows = {
      count: calls.length,
      slots: Uint16Array.from(calls, ({ keys: [key] }) => slotOf(/\{(.+?)\}/.exec(key)?.[1] ?? key)),
      request: (row: number) => {
        const { keys, args } = calls[row]
        return request('EVALSHA', this.#sha, String(keys.length), ...keys, ...args)
      },
    }
    return runWrites(this.#topology, rows, { ...this.#options, durability }, this.#load)
  }

  close(): void {
    this.#topology.close()
  }
}
