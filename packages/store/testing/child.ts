import { type ChildProcessByStdio, type SpawnOptions, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'

/** A program of this folder in a process of its own, that answers a line with a line. */
export class Child {
  readonly process: ChildProcessByStdio<Writable, Readable, null>
  /** Exit code, null where a signal ended it. */
  readonly ended: Promise<number | null>
  #output = ''
  #waiting: ((line: string) => void) | null = null

  /** @param prefix a command that runs the program, and its arguments */
  constructor(program: string, args: readonly string[], prefix: readonly string[] = [], options: SpawnOptions = {}) {
    const node = [process.execPath, '--conditions=@headwater/source', '--import', 'tsx', `testing/${program}`, ...args]
    const [command, ...rest] = [...prefix, ...node]
    const cwd = join(import.meta.dirname, '..')
    this.process = spawn(command, rest, { ...options, cwd, stdio: ['pipe', 'pipe', 'inherit'] }) as never
    this.process.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      this.#output += chunk
      this.#hand()
    })
    this.ended = new Promise((resolve, reject) => {
      this.process.on('error', reject)
      this.process.on('close', (code) => {
        this.#output += '\n'
        this.#hand()
        resolve(code)
      })
    })
  }

  ask(line: string): Promise<string> {
    this.process.stdin.write(`${line}\n`)
    return this.line()
  }

  /** The next line that it says; empty where it ended. */
  line(): Promise<string> {
    return new Promise((resolve) => {
      this.#waiting = resolve
      this.#hand()
    })
  }

  #hand(): void {
    const end = this.#output.indexOf('\n')
    if (end < 0 || this.#waiting === null) return
    const line = this.#output.slice(0, end)
    this.#output = this.#output.slice(end + 1)
    const waiting = this.#waiting
    this.#waiting = null
    waiting(line)
  }
}
