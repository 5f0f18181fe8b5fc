import type { Worker } from 'node:worker_threads'
import type { SideBatch } from '../batch/batch.ts'
import { BatchError } from '../batch/side-batch.ts'
import type { Schema } from '../schema/schema.ts'
import { compileFeatures, type FeatureSpace } from '../space/feature-space.ts'
import { moduleWorker } from './module-worker.ts'
import { RowError, RowWorkersError } from './row-error.ts'
import type { RowInputs, RowReply, RowWorkerData } from './row-message.ts'

export interface RowWorkersOptions {
  readonly schema: Schema
  /** Threads. */
  readonly workers: number
  /** Rows of a call, at most. */
  readonly batchRows: number
  /** Calls under way at once, at most; by default four a worker. */
  readonly maxCalls?: number
  /** Whether threads get only time that no other thread wants, as far as the system can do that. Default false. */
  readonly isIdle?: boolean
  /** Cores that threads keep to, as `taskset -c` takes them (Linux with `taskset`). Default: those of this process. */
  readonly cpus?: string | undefined
}

/** Calls that a worker has at once: one that it works on, and the next, so that it need not wait for us. */
const callsPerWorker = 2

interface Call {
  readonly number: number
  readonly rows: number
  readonly inputs: RowInputs
  resolve(batch: SideBatch): void
  reject(error: Error): void
}

interface Thread {
  readonly worker: Worker
  readonly calls: Map<number, Call>
  /** What ended it. */
  cause: unknown
}

/**
 * A pool of threads that turn users' states into rows, bit for bit those of `FeatureSpace.encodeUser`. Memory moves
 * between threads and is not shared: WebGPU implementations do not take views of shared memory.
 *
 * Threads start with the first call. A thread that dies is replaced when there is work for it, and rejects only the calls
 * that it had. Idle threads do not keep the process alive.
 */
export class RowWorkers {
  readonly #space: FeatureSpace
  readonly #options: Required<RowWorkersOptions>
  readonly #threads = new Set<Thread>()
  readonly #waiting: Call[] = []
  readonly #freeInputs: RowInputs[] = []
  #underWay = 0
  #nextCall = 0
  #closing: Promise<void> | null = null
  #drained: (() => void) | null = null

  /** @throws SchemaError; RangeError where a number is no whole one of at least 1 */
  constructor({ schema, workers, batchRows, maxCalls = 4 * workers, isIdle = false, cpus }: RowWorkersOptions) {
    for (const [name, value] of Object.entries({ workers, batchRows, maxCalls })) {
      if (!Number.isSafeInteger(value) || value < 1) {
        throw new RangeError(`${name} is ${value}; give a whole number of at least 1`)
      }
    }
    this.#space = compileFeatures(schema)
    this.#options = { schema: this.#space.schema, workers, batchRows, maxCalls, isIdle, cpus }
  }

  /**
   * Encodes users as of a time, for all or for each. The states are copied before it returns.
   *
   * @param states R of them, 1 to `batchRows`
   * @param nowMs milliseconds since 1970, one number or R
   * @returns R rows in the order of the states, in memory of their own
   * @throws RowError for the first row that cannot be encoded; RowWorkersError; BatchError where the numbers of rows do
   *   not fit
   */
  async encodeUsers(states: readonly Uint8Array[], nowMs: readonly number[] | number): Promise<SideBatch> {
    if (this.#closing !== null) throw new RowWorkersError('closed', 'the row workers are closed; make new ones')
    const { batchRows, maxCalls } = this.#options
    if (this.#underWay >= maxCalls) {
      const message = `${this.#underWay} calls are under way, as many as may be; await some, or raise maxCalls`
      throw new RowWorkersError('busy', message)
    }
    const rows = states.length
    if (rows < 1 || rows > batchRows) {
      throw new BatchError(`a call of ${rows} rows; give 1 to ${batchRows}, or raise batchRows`)
    }
    if (typeof nowMs !== 'number' && nowMs.length !== rows) {
      throw new BatchError(`${nowMs.length} times for ${rows} states; give one time, or one for each`)
    }
    const inputs = this.#copy(states, nowMs)
    return new Promise((resolve, reject) => {
      this.#underWay++
      this.#waiting.push({ number: this.#nextCall++, rows, inputs, resolve, reject })
      this.#dispatch()
    })
  }

  /** Waits for the calls under way and ends all threads; later calls are refused. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (this.#underWay > 0)
      await new Promise<void>((resolve) => {
        this.#drained = resolve
      })
    const threads = [...this.#threads]
    this.#threads.clear()
    await Promise.all(threads.map(({ worker }) => worker.terminate()))
  }

  #copy(states: readonly Uint8Array[], nowMs: readonly number[] | number): RowInputs {
    const bytes = this.#space.userStateBytes
    const { batchRows } = this.#options
    const inputs = this.#freeInputs.pop() ?? {
      states: new Uint8Array(batchRows * bytes),
      nowMs: new Float64Array(batchRows),
    }
    for (let row = 0; row < states.length; row++) {
      const state = states[row]
      if (!(state instanceof Uint8Array) || state.length !== bytes) {
        this.#freeInputs.push(inputs)
        throw this.#errorOf(row, state, 0, 'has a state of the wrong size')
      }
      inputs.states.set(state, row * bytes)
      inputs.nowMs[row] = typeof nowMs === 'number' ? nowMs : nowMs[row]
    }
    return inputs
  }

  /** Threads keep no classes of errors: a row that cannot be encoded is tried here, for what that throws. */
  #errorOf(row: number, state: Uint8Array, nowMs: number, otherwise: string): RowError {
    try {
      this.#space.encodeUser(this.#space.allocate('user', row + 1), row, state, nowMs)
    } catch (cause) {
      return new RowError(row, cause as Error)
    }
    return new RowError(row, new Error(otherwise))
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const thread = this.#leastBusy()
      if (thread === null) return
      const call = this.#waiting.shift()!
      const { number, rows, inputs } = call
      thread.calls.set(number, call)
      thread.worker.ref()
      thread.worker.postMessage({ call: number, rows, ...inputs }, [inputs.states.buffer, inputs.nowMs.buffer])
    }
  }

  #leastBusy(): Thread | null {
    let best: Thread | null = null
    for (const thread of this.#threads) if (best === null || thread.calls.size < best.calls.size) best = thread
    if ((best === null || best.calls.size > 0) && this.#threads.size < this.#options.workers) return this.#start()
    return best !== null && best.calls.size < callsPerWorker ? best : null
  }

  #start(): Thread {
    const { schema, isIdle, cpus } = this.#options
    const workerData: RowWorkerData = { schema, isIdle, cpus: cpus ?? null }
    const worker = moduleWorker('./row-worker', import.meta.url, { workerData })
    const thread: Thread = { worker, calls: new Map(), cause: undefined }
    this.#threads.add(thread)
    worker.on('message', (reply: RowReply) => this.#finish(thread, reply))
    worker.on('error', (cause) => {
      thread.cause = cause
    })
    worker.on('exit', () => this.#lose(thread))
    return thread
  }

  #finish(thread: Thread, { call: number, states, nowMs, batch, error }: RowReply): void {
    this.#freeInputs.push({ states, nowMs })
    const call = thread.calls.get(number)!
    thread.calls.delete(number)
    if (thread.calls.size === 0) thread.worker.unref()
    if (batch !== undefined) call.resolve(batch)
    else {
      const { row, message } = error!
      const bytes = this.#space.userStateBytes
      call.reject(this.#errorOf(row, states.subarray(row * bytes, (row + 1) * bytes), nowMs[row], message))
    }
    this.#settled(1)
  }

  #lose(thread: Thread): void {
    if (!this.#threads.delete(thread)) return
    for (const call of thread.calls.values()) {
      const message = 'the worker that encoded these rows died; encode them again'
      call.reject(new RowWorkersError('died', message, thread.cause))
    }
    this.#settled(thread.calls.size)
  }

  #settled(calls: number): void {
    this.#underWay -= calls
    this.#dispatch()
    if (this.#underWay === 0) this.#drained?.()
  }
}

/** Threads that encode users' rows. @throws SchemaError, RangeError */
export function createRowWorkers(options: RowWorkersOptions): RowWorkers {
  return new RowWorkers(options)
}
