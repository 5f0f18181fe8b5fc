/** A server that is started again whatever became of it, as by a service manager. */
import { setTimeout as wait } from 'node:timers/promises'
import { type Client, createClient } from '@headwater/client'
import type { Process } from './cluster-processes.ts'

/** Against hanging only. */
const patienceMs = 600_000

export class RestartedServer {
  readonly client: Client
  readonly port: number
  /** Rejects where it ended by itself while it served. */
  readonly crashed: Promise<never>
  /** Starts that came to nothing, as what it needs was away. */
  refusedStarts = 0
  readonly #launch: (port: number) => Process
  #process: Process | null = null
  #crash: (cause: Error) => void = () => {}

  /** @param port stays its own while it does not run: none that systems give to outgoing connections */
  constructor(port: number, launch: (port: number) => Process) {
    this.port = port
    this.#launch = launch
    this.client = createClient({ url: `http://127.0.0.1:${port}`, deadlineMs: 4_000 })
    this.crashed = new Promise((_, reject) => {
      this.#crash = reject
    })
    // Whoever waits for it is told.
    this.crashed.catch(() => {})
  }

  /** Resolves once it serves. @throws Error where it does not in ten minutes */
  async start(): Promise<void> {
    const endMs = performance.now() + patienceMs
    for (;;) {
      const started = this.#launch(this.port)
      this.#process = started
      try {
        await started.url()
        void started.ended().then(() => {
          if (!started.isEnding) this.#crash(new Error(`a server ended by itself:\n${started.lastWords}`))
        })
        return
      } catch (cause) {
        await started.end('SIGKILL')
        if (performance.now() > endMs) throw cause
        this.refusedStarts++
        await wait(500)
      }
    }
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.#process?.end(signal)
  }

  /** It keeps its connections and does nothing. */
  async stopFor(ms: number): Promise<void> {
    this.#process?.child.kill('SIGSTOP')
    await wait(ms)
    this.#process?.child.kill('SIGCONT')
  }

  async isReady(): Promise<boolean> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/readyz`).catch(() => null)
    return answer?.status === 200
  }
}
