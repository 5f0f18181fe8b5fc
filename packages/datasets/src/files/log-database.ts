import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance, type DuckDBResult, type DuckDBValue } from '@duckdb/node-api'

/**
 * A DuckDB database that holds one log, however large: it lies in a temporary folder of its own, which `close` removes, and
 * takes 512 MB of memory.
 */
export class LogDatabase {
  readonly #folder: string
  readonly #instance: DuckDBInstance
  readonly #signal: AbortSignal | undefined

  private constructor(folder: string, instance: DuckDBInstance, signal: AbortSignal | undefined) {
    this.#folder = folder
    this.#instance = instance
    this.#signal = signal
  }

  static async create(signal?: AbortSignal): Promise<LogDatabase> {
    signal?.throwIfAborted()
    const folder = await mkdtemp(join(tmpdir(), 'headwater-log-'))
    try {
      const instance = await DuckDBInstance.create(join(folder, 'log.duckdb'), {
        memory_limit: '512MB',
        threads: '2',
        temp_directory: folder,
        autoinstall_known_extensions: 'false',
      })
      return new LogDatabase(folder, instance, signal)
    } catch (cause) {
      await rm(folder, { recursive: true, force: true })
      throw cause
    }
  }

  /** Runs `body` on a connection of its own, which an abort interrupts and which is closed afterwards. */
  async use<T>(body: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const connection = await this.#connect()
    const interrupt = () => connection.interrupt()
    this.#signal?.addEventListener('abort', interrupt)
    try {
      return await body(connection)
    } catch (cause) {
      this.#signal?.throwIfAborted()
      throw cause
    } finally {
      this.#signal?.removeEventListener('abort', interrupt)
      connection.closeSync()
    }
  }

  /** Streams a query's result as columns, one chunk in memory at a time. */
  async *stream(sql: string, values: DuckDBValue[]): AsyncGenerator<DuckDBValue[][]> {
    const connection = await this.#connect()
    try {
      const result: DuckDBResult = await connection.stream(sql, values)
      for (;;) {
        this.#signal?.throwIfAborted()
        const chunk = await result.fetchChunk()
        if (chunk === null || chunk.rowCount === 0) return
        yield chunk.getColumns()
      }
    } finally {
      connection.closeSync()
    }
  }

  async close(): Promise<void> {
    this.#instance.closeSync()
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #connect(): Promise<DuckDBConnection> {
    this.#signal?.throwIfAborted()
    const connection = await this.#instance.connect()
    // Texts without an offset are read as UTC. How far a query is can be asked of the connection.
    await connection.run("SET TimeZone = 'UTC'; SET enable_progress_bar_print = false; SET enable_progress_bar = true")
    return connection
  }
}
