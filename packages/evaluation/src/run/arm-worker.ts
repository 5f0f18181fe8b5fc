/** Processes that run arms beside this one. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
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

/** What a worker says when it is ready, and of each arm whose hash it was sent. */
export interface WorkerMessage {
  readonly failure: string | null
}

/** An arm failed in the process that ran it, or that process ended. */
class ArmWorkerError extends Error {
  override readonly name = 'ArmWorkerError'
}

export class ArmWorker {
  readonly #child: ChildProcess
  readonly #ended: Promise<never>
  readonly #ready: Promise<WorkerMessage>

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#ended = once(child, 'exit').then(([code, signal]) => {
      throw new ArmWorkerError(`a process that ran arms ended with ${signal ?? code}; run the command again`)
    })
    this.#ready = this.#message()
    // They are waited for when an arm is asked for, which may be never.
    for (const promise of [this.#ended, this.#ready]) promise.catch(() => {})
  }

  static start(run: SharedRun): ArmWorker {
    const isSource = import.meta.url.endsWith('.ts')
    const module = fileURLToPath(new URL(`./arm-worker-main${isSource ? '.ts' : '.js'}`, import.meta.url))
    const execArgv = isSource ? ['--conditions=@headwater/source', '--import', import.meta.resolve('tsx')] : []
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
    this.#child.send(hash)
    const { failure } = await answer
    if (failure !== null) throw new ArmWorkerError(failure)
  }

  /** Whatever it is at is left as it is. */
  end(): void {
    this.#child.kill('SIGKILL')
  }

  #message(): Promise<WorkerMessage> {
    const message = once(this.#child, 'message').then(([said]): WorkerMessage => said)
    return Promise.race([message, this.#ended])
  }
}
