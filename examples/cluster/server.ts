import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type Client, createClient } from '@headwater/client'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const command = [
  '--conditions=@headwater/source',
  '--import',
  'tsx',
  fileURLToPath(import.meta.resolve('headwater/main')),
]

/** `headwater` with arguments, as a process that ends with this one where this one ends in order. */
export class Server {
  readonly #name: string
  readonly #process: ChildProcess
  readonly #ended: Promise<void>
  #output = ''

  constructor(name: string, args: readonly string[], directory: string) {
    this.#name = name
    this.#process = spawn(process.execPath, [...command, ...args], {
      cwd: path('.'),
      env: { ...process.env, INIT_CWD: directory },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#process.stdout!.on('data', (text: Buffer) => this.#tell(String(text)))
    this.#process.stderr!.on('data', (text: Buffer) => this.#tell(String(text)))
    this.#ended = new Promise((resolve) => this.#process.once('exit', () => resolve()))
  }

  /** Of what it serves, once it does. */
  async url(): Promise<string> {
    for (;;) {
      const [, url] = /(?:Serving|Publishing) .* on (https?:\/\/[^\s,]+),/.exec(this.#output) ?? []
      if (url !== undefined) return url
      if (this.#process.exitCode !== null) throw new Error(`${this.#name} has ended:\n${this.#output}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  async client(): Promise<Client> {
    return createClient({ url: await this.url(), deadlineMs: 10_000 })
  }

  /** Resolves once it has done what it was started for. @throws Error where it failed */
  async done(): Promise<void> {
    await this.#ended
    if (this.#process.exitCode !== 0) throw new Error(`${this.#name} failed:\n${this.#output}`)
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#ended
  }

  /** Ends it in order. */
  async stop(): Promise<void> {
    this.#process.kill('SIGTERM')
    await this.#ended
  }

  #tell(text: string): void {
    this.#output = (this.#output + text).slice(-10_000)
    if (process.env.VERBOSE) process.stdout.write(text.replace(/^(?=.)/gm, `  ${this.#name}: `))
  }
}
