/** The process that encodes, kept running: reads go on whatever becomes of it. */
import { setTimeout as wait } from 'node:timers/promises'
import type { SideBatch } from '@headwater/features'
import type { EncoderStatus } from '@headwater/pooling'
import { PoolingConfigError, PoolingError, SnapshotRefusedError } from '@headwater/pooling'
import { type BackOffOptions, backOff } from './back-off.ts'
import { webgpuBackend } from './backend.ts'
import { EncodeError, EncoderStartError } from './errors.ts'
import { LoadedSnapshot, type SnapshotHolder } from './loaded-snapshot.ts'
import { RunningEncoder, type RunningEncoderOptions } from './running-encoder.ts'

export interface StartEncoderOptions extends Partial<RunningEncoderOptions> {
  readonly backOff?: BackOffOptions
  /** Called with the error of every end that was not asked for, and of every restart that failed. */
  readonly onError?: (error: Error) => void
}

const defaults = {
  backend: webgpuBackend,
  priority: 10,
  prefix: [],
  environment: {},
  answerTimeoutMs: 30_000,
  loadTimeoutMs: 120_000,
  onCompile: () => {},
} satisfies RunningEncoderOptions

/**
 * Starts a process that encodes.
 * @throws PoolingConfigError; EncoderStartError where it does not come up
 */
export async function startEncoder(options: StartEncoderOptions = {}): Promise<EncoderProcess> {
  const { backOff: pauses, onError = () => {}, ...given } = options
  const running = { ...defaults, ...given }
  check(running)
  const first = new RunningEncoder(running)
  try {
    await first.ready
  } catch (cause) {
    throw new EncoderStartError(`the encoder cannot be started: ${(cause as Error).message}`, { cause })
  }
  return new EncoderProcess(first, () => new RunningEncoder(running), backOff(pauses), onError)
}

function check({ priority, answerTimeoutMs, loadTimeoutMs }: RunningEncoderOptions): void {
  if (!Number.isInteger(priority) || priority < 0 || priority > 19)
    throw new PoolingConfigError(`priority is ${priority}; give a niceness of 0 to 19`)
  for (const [name, value] of Object.entries({ answerTimeoutMs, loadTimeoutMs }))
    if (!(value > 0 && Number.isFinite(value)))
      throw new PoolingConfigError(`${name} is ${value}; give milliseconds over 0`)
}

/** A process that is ready, or the attempt to bring one up; see {@link startEncoder}. */
export class EncoderProcess implements SnapshotHolder {
  readonly #start: () => RunningEncoder
  readonly #pauseMs: (upMs: number) => number
  readonly #onError: (error: Error) => void
  /** By name in the process; refused ones could not be loaded again. */
  readonly #snapshots = new Map<number, { readonly snapshot: LoadedSnapshot; refused: Error | null }>()
  /** Ends the pause before a restart. */
  readonly #abort = new AbortController()
  readonly #supervising: Promise<void>
  #running: RunningEncoder
  /** The process that is ready, or the next attempt's: rejects where that fails. */
  #up: Promise<RunningEncoder>
  #state: EncoderStatus['state'] = 'ready'
  #restarts = 0
  #lastError: string | null = null
  #nextNumber = 1

  /** Use {@link startEncoder}. */
  constructor(
    first: RunningEncoder,
    start: () => RunningEncoder,
    pauseMs: (upMs: number) => number,
    onError: (error: Error) => void,
  ) {
    this.#running = first
    this.#up = Promise.resolve(first)
    this.#start = start
    this.#pauseMs = pauseMs
    this.#onError = onError
    this.#supervising = this.#supervise()
  }

  status(): EncoderStatus {
    return {
      state: this.#state,
      restarts: this.#restarts,
      pid: this.#running.pid,
      lastError: this.#lastError,
      compiling: this.#running.compiling,
    }
  }

  /**
   * Loads and warms a snapshot beside the others.
   * @param directory of one snapshot
   * @throws SnapshotRefusedError where it is damaged, or the device cannot hold it; EncoderDiedError
   */
  async load(directory: string): Promise<LoadedSnapshot> {
    this.#checkOpen()
    const running = await this.#up
    const number = this.#nextNumber++
    const snapshot = new LoadedSnapshot(number, directory, await loadInto(running, number, directory), this)
    this.#snapshots.set(number, { snapshot, refused: null })
    // The process may have ended since it answered: then the next one has it from the start.
    return snapshot
  }

  /** As `LoadedSnapshot.encode`. */
  async encode({ number }: LoadedSnapshot, batch: SideBatch): Promise<Float32Array> {
    this.#checkOpen()
    const running = await this.#up
    const refused = this.#snapshots.get(number)?.refused
    if (refused) throw refused
    return running.encode(number, batch)
  }

  /** As `LoadedSnapshot.release`, which waits for its calls. */
  drop({ number }: LoadedSnapshot): void {
    this.#snapshots.delete(number)
    this.#running.unload(number)
  }

  /** Ends the process; calls under way are rejected. Resolves once it is gone. */
  async close(): Promise<void> {
    this.#state = 'stopped'
    this.#abort.abort()
    await this.#running.stop()
    await this.#supervising
  }

  async #supervise(): Promise<void> {
    let upSinceMs = performance.now()
    let problem: Error = await this.#running.ended
    while (!this.#isStopped()) {
      this.#failed(problem)
      this.#state = 'restarting'
      this.#up = this.#bringUp(this.#pauseMs(performance.now() - upSinceMs))
      try {
        await this.#up
        this.#state = 'ready'
        upSinceMs = performance.now()
        problem = await this.#running.ended
      } catch (cause) {
        upSinceMs = performance.now()
        problem = cause as Error
      }
    }
  }

  /** A process that is ready and has all snapshots. @throws EncoderDiedError; AbortError once closed */
  async #bringUp(pauseMs: number): Promise<RunningEncoder> {
    await wait(pauseMs, undefined, { signal: this.#abort.signal })
    this.#restarts++
    this.#running = this.#start()
    await this.#running.ready
    for (const held of this.#snapshots.values()) await this.#loadAgain(held)
    return this.#running
  }

  /** A snapshot that is gone or damaged now must not keep the others from being served. @throws EncoderDiedError */
  async #loadAgain(held: { readonly snapshot: LoadedSnapshot; refused: Error | null }): Promise<void> {
    const { number, directory, manifest } = held.snapshot
    held.refused = null
    try {
      const loaded = await loadInto(this.#running, number, directory)
      // One that was released meanwhile was not there yet to be unloaded.
      if (!this.#snapshots.has(number)) this.#running.unload(number)
      if (JSON.stringify(loaded.manifest) !== JSON.stringify(manifest))
        throw new SnapshotRefusedError(`${directory} is another snapshot than the one that was loaded; load it anew`)
    } catch (cause) {
      if (!(cause instanceof SnapshotRefusedError)) throw cause
      held.refused = cause
      this.#failed(cause)
    }
  }

  #failed(error: Error): void {
    this.#lastError = error.message
    this.#onError(error)
  }

  #isStopped(): boolean {
    return this.#state === 'stopped'
  }

  #checkOpen(): void {
    if (this.#isStopped()) throw new PoolingError('the encoder is closed; start it again')
  }
}

/** @throws SnapshotRefusedError, EncoderDiedError */
async function loadInto(running: RunningEncoder, number: number, directory: string) {
  try {
    return await running.load(number, directory)
  } catch (cause) {
    if (!(cause instanceof EncodeError)) throw cause
    throw new SnapshotRefusedError(`${directory} cannot be served: ${cause.message}`, { cause })
  }
}
