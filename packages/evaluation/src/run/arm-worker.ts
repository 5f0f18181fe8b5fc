/** Processes that run arms beside this one. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { LabSource } from '../lab/log/open-lab-log.ts'

/** All that decides the arms of a run, for another process to come to the same. */
export interface SharedRun {
  readonly log: Omit<LabSource, 'signal'>
  readonly experiments: readonly string[]
  readonly seeds: readonly number[]
  /** Where upstreams and arms are kept. */
  readonly directory: string
}

/** What a worker says: `ready` once, then one answer to each arm. */
export type WorkerMessage = { readonly kind: 'ready' } | { readonly kind: 'ran'; readonly failure: string | null }

/** What a worker is asked: the hash of an arm. */
export interface WorkerOrder {
  readonly arm: string
}

/** An arm failed in the process that ran it, or that process ended. */
class ArmWorkerError extends Error {
  override readonly name = 'ArmWorkerError'
}

export class ArmWorker {
  readonly #child: ChildProcess
  readonly #ready: Promise<WorkerMessage>

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#ready = this.#message()
    // It is waited for when the first arm is asked for, which may be never.
    this.#ready.catch(() => {})
  }

  static start(run: SharedRun): ArmWorker {
    const isSource = import.meta.url.endsWith('.ts')
    const module = fileURLToPath(new URL(`./arm-worker-main${isSource ? '.ts' : '.js'}`, import.meta.url))
    const execArgv = isSource ? ['--conditions=development', '--import', import.meta.resolve('tsx')] : []
    return new ArmWorker(
      fork(module, [JSON.stringify(run)], { execArgv, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }),
    )
  }

  /**
   * Runs an arm and its upstream, which it leaves on disk. One at a time.
   * @throws ArmWorkerError
   */
  async run(hash: string): Promise<void> {
    await this.#ready
    const answer = this.#message()
    const order: WorkerOrder = { arm: hash }
    this.#child.send(order)
    const message = await answer
    if (message.kind === 'ran' && message.failure !== null) throw new ArmWorkerError(message.failure)
  }

  /** Whatever it is at is left as it is. */
  end(): void {
    this.#child.kill('SIGKILL')
  }

  #message(): Promise<WorkerMessage> {
    return new Promise((resolve, reject) => {
      const onMessage = (message: WorkerMessage) => settle(() => resolve(message))
      const onExit = (code: number | null, signal: NodeJS.Signals | null) =>
        settle(() =>
          reject(new ArmWorkerError(`a process that ran arms ended with ${signal ?? code}; run the command again`)),
        )
      const settle = (end: () => void) => {
        this.#child.off('message', onMessage).off('exit', onExit)
        end()
      }
      this.#child.on('message', onMessage).on('exit', onExit)
    })
  }
}
