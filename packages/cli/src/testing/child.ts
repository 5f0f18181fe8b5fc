import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

/** The command as a user calls it. */
export const launcher = [path('../../bin/headwater.js')]
/** The process that does the work, without the launcher around it. */
export const worker = ['--conditions=@headwater/source', '--import', import.meta.resolve('tsx'), path('../main.ts')]

/** A running command; what it has printed so far. */
export class Child {
  readonly process: ChildProcessByStdio<Writable, Readable, Readable>
  /** Exit code, null where a signal ended it. */
  readonly exited: Promise<number | null>
  stdout = ''
  stderr = ''

  /**
   * @param program `launcher` or `worker`
   * @param input what it reads from stdin
   * @param entering a command that runs the one behind it
   */
  constructor(
    program: readonly string[],
    args: readonly string[],
    cwd: string,
    environment: NodeJS.ProcessEnv = {},
    input: string | Buffer = '',
    entering: readonly string[] = [],
  ) {
    const { INIT_CWD, ...inherited } = process.env
    const [first, ...rest] = [...entering, process.execPath, ...program, ...args]
    this.process = spawn(first, rest, {
      cwd,
      env: { ...inherited, ...environment },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.process.stdin.end(input)
    this.process.stdout.on('data', (text) => {
      this.stdout += text
    })
    this.process.stderr.on('data', (text) => {
      this.stderr += text
    })
    this.exited = once(this.process, 'close').then(([code]) => code)
  }

  /** Resolves at the first moment that `seen` holds. @throws Error where the command ends before */
  async until(seen: () => boolean): Promise<void> {
    let ended = false
    this.exited.then(() => {
      ended = true
    })
    while (!seen()) {
      if (ended) throw new Error(`the command ended before:\n${this.stderr}`)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }
}
