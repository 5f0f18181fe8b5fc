import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { Redis } from 'iovalkey'
import type { Certificate } from './certificate.ts'
import { valkeyProgram } from './program.ts'
import { until } from './wait-until.ts'

/**
 * Runs a server and ends with it. When its parent process is gone, its input ends: then it kills the server and removes
 * its directory. A line on its input says that the server was killed on purpose, and the directory stays.
 */
const guard = `
trap '' INT TERM HUP
directory=$1; shift
"$@" </dev/null >>"$directory/log" 2>&1 &
echo $!
if read -r _; then wait; exit; fi
kill -9 $! 2>/dev/null; wait
rm -rf "$directory"; rmdir "$(dirname "$directory")" 2>/dev/null`

export interface NodeOptions {
  readonly port: number
  /** Made if missing, and removed at the end. */
  readonly directory: string
  /** For the server's command line. */
  readonly settings: Readonly<Record<string, string>>
  readonly password: string | undefined
  /** Where it speaks TLS alone. */
  readonly certificate: Certificate | undefined
}

/** One Valkey server on the loopback. It dies with the process that started it. */
export class ValkeyNode {
  readonly host = '127.0.0.1'
  readonly port: number
  readonly directory: string
  readonly #options: NodeOptions
  #guard: ChildProcess | null = null
  #pid = 0
  #connection: Redis | null = null

  private constructor(options: NodeOptions) {
    this.port = options.port
    this.directory = options.directory
    this.#options = options
  }

  /** @throws NoValkeyError; Error with the server's log where it does not start. */
  static async start(options: NodeOptions): Promise<ValkeyNode> {
    mkdirSync(options.directory, { recursive: true })
    const node = new ValkeyNode(options)
    await node.restart()
    return node
  }

  /** File of the authority that vouches for it, where it speaks TLS. */
  get certificateFile(): string | undefined {
    return this.#options.certificate?.file
  }

  get address(): string {
    return `${this.host}:${this.port}`
  }

  /** Sends a command and gives its reply, bulk strings as text. @throws Error within seconds where none comes. */
  async command(name: string, ...args: (string | number | Uint8Array)[]): Promise<unknown> {
    return this.#connected().call(name, args.map(asArgument))
  }

  /** The same with bulk strings as bytes. */
  async commandBytes(name: string, ...args: (string | number | Uint8Array)[]): Promise<unknown> {
    return this.#connected().callBuffer(name, args.map(asArgument))
  }

  /** A field of `INFO`. */
  async info(section: string, field: string): Promise<string | undefined> {
    const text = String(await this.command('INFO', section))
    return new RegExp(`^${field}:(.*)$`, 'm').exec(text)?.[1].trim()
  }

  /** As by `kill -9`: nothing is written any more. The data on its disk stays. */
  async kill(): Promise<void> {
    await this.#end((guardInput) => {
      process.kill(this.#pid, 'SIGKILL')
      guardInput.end('killed\n')
    })
  }

  /** It keeps its connections and answers nothing. */
  pause(): void {
    process.kill(this.#pid, 'SIGSTOP')
  }

  resume(): void {
    process.kill(this.#pid, 'SIGCONT')
  }

  /** Starts it again with what its disk holds. */
  async restart(): Promise<void> {
    await this.kill()
    const settings = Object.entries(this.#options.settings).flatMap(([name, value]) => [`--${name}`, value])
    const program = [valkeyProgram(), '--port', String(this.port), '--dir', this.directory, ...settings]
    const guardian = spawn('/bin/sh', ['-c', guard, 'sh', this.directory, ...program], {
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    guardian.unref()
    this.#guard = guardian
    this.#pid = await new Promise<number>((resolve, reject) => {
      guardian.once('error', reject)
      guardian.stdout!.once('data', (line: Buffer) => resolve(Number(line.toString())))
    })
    await until(`a Valkey server answers at ${this.address}`, async () => {
      if (!isAlive(this.#pid)) throw new Error(`valkey-server ended: ${this.#lastWords()}`)
      return (await this.command('PING').catch(() => null)) === 'PONG'
    })
  }

  /** Ends it and removes all that it wrote. */
  async close(): Promise<void> {
    await this.#end((guardInput) => guardInput.destroy())
  }

  async #end(tellGuard: (guardInput: Writable) => void): Promise<void> {
    const guardian = this.#guard
    this.#connection?.disconnect()
    this.#connection = null
    if (guardian === null) return
    this.#guard = null
    // A process that has nothing else to wait for must wait for this.
    guardian.ref()
    const ended = once(guardian, 'exit')
    tellGuard(guardian.stdin!)
    await ended
  }

  #connected(): Redis {
    if (this.#connection !== null && this.#connection.status !== 'end') return this.#connection
    const { password, certificate } = this.#options
    this.#connection = new Redis({
      host: this.host,
      port: this.port,
      ...(password === undefined ? {} : { password }),
      ...(certificate === undefined ? {} : { tls: { ca: readFileSync(certificate.file) } }),
      connectTimeout: 2_000,
      commandTimeout: 5_000,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    })
    // Each command tells of the failure by itself.
    return this.#connection.on('error', () => {})
  }

  #lastWords(): string {
    return readFileSync(join(this.directory, 'log'), 'utf8').trim().split('\n').slice(-5).join('\n')
  }
}

function asArgument(value: string | number | Uint8Array): string | number | Buffer {
  return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.length) : value
}

/** A child of the guard that ended stays a zombie until the guard ends; to signals it is alive. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    try {
      process.kill(pid, 0)
      return process.platform !== 'linux'
    } catch {
      return false
    }
  }
}
