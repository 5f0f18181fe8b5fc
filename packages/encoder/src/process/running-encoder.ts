/** One process that encodes, from its start to its end. */
import { arraysOf, type SideBatch } from '@headwater/features'
import { type Compiling, EncoderDiedError } from '@headwater/pooling'
import { EncodeError } from './errors.ts'
import { type Frame, type FrameHead, FrameReader, writeFrame } from './frames.ts'
import {
  type FailedMessage,
  fromPayload,
  type LoadedMessage,
  type LoadMessage,
  messageKind,
  toPayload,
} from './messages.ts'
import { type ModuleProcess, type ModuleProcessOptions, startModule } from './module-process.ts'

export interface RunningEncoderOptions extends ModuleProcessOptions {
  /** Module whose `backend` it computes with. Default: `webgpuBackend`. */
  readonly backend: URL
  /** Longest time without an answer while batches are encoded; then it counts as hung. Default 30,000. */
  readonly answerTimeoutMs: number
  /** The same while it starts or loads a snapshot. Default 120,000. */
  readonly loadTimeoutMs: number
  /** Called before each kernel that it compiles. */
  readonly onCompile: (compiling: Compiling) => void
}

interface Call {
  readonly timeoutMs: number
  resolve(frame: Frame): void
  reject(error: Error): void
}

/** Longest that a process may take to end by itself. */
const endMs = 2_000

const readyCall = 0

export class RunningEncoder {
  /** Resolves once the backend is there. @throws EncoderDiedError */
  readonly ready: Promise<void>
  /** Resolves once the process is gone, to what ended it. */
  readonly ended: Promise<EncoderDiedError>
  readonly #options: RunningEncoderOptions
  readonly #process: ModuleProcess
  readonly #calls = new Map<number, Call>()
  readonly #watch: NodeJS.Timeout
  #nextCall = readyCall + 1
  #compiling: Compiling | null = null
  #answeredMs = performance.now()
  /** Why it ends, where that is known before it has ended. */
  #cause: string | null = null
  #hasEnded = false

  constructor(options: RunningEncoderOptions) {
    this.#options = options
    this.#process = startModule(options.backend, options)
    const { child, socket } = this.#process
    this.ready = this.#answer(readyCall, options.loadTimeoutMs).then(() => undefined)
    this.ready.catch(() => {})
    // Its end is seen through the process, which is held while calls are under way.
    socket.unref()
    const reader = new FrameReader((frame) => this.#finish(frame))
    socket.on('data', (piece: Buffer) => {
      try {
        reader.push(piece)
      } catch (cause) {
        this.#kill(`it wrote what is no answer: ${(cause as Error).message}`)
      }
    })
    // It reports the end too, with its reason.
    socket.on('error', () => {})
    this.ended = new Promise((resolve) => {
      const end = (cause: string) => {
        if (!this.#hasEnded) this.#end(cause, resolve)
      }
      child.on('error', ({ message }) => end(message))
      child.on('exit', (code, signal) => end(signal === null ? `exit code ${code}` : `signal ${signal}`))
    })
    this.#watch = setInterval(() => this.#lookForHang(), Math.max(1, options.answerTimeoutMs / 4))
    this.#watch.unref()
  }

  /** Null once it has ended, or where it could not be started. */
  get pid(): number | null {
    return this.#hasEnded ? null : (this.#process.child.pid ?? null)
  }

  /** Of the snapshot that it loads; null where nothing is compiled. */
  get compiling(): Compiling | null {
    return this.#compiling
  }

  /** @throws EncoderDiedError; EncodeError where the snapshot cannot be loaded */
  async load(snapshot: number, directory: string): Promise<LoadedMessage> {
    const message = toPayload({ directory } satisfies LoadMessage)
    const head = { kind: messageKind.load, snapshot, rows: 0 }
    try {
      return fromPayload<LoadedMessage>(await this.#ask(head, [message], this.#options.loadTimeoutMs))
    } finally {
      this.#compiling = null
    }
  }

  /** @returns f32 [R, dim] @throws EncoderDiedError, EncodeError, RangeError */
  async encode(snapshot: number, batch: SideBatch): Promise<Float32Array> {
    const head = { kind: messageKind.encode, snapshot, rows: batch.rows }
    const { payload } = await this.#ask(head, arraysOf(batch), this.#options.answerTimeoutMs)
    return new Float32Array(payload.buffer)
  }

  unload(snapshot: number): void {
    if (this.#hasEnded) return
    writeFrame(this.#process.socket, { kind: messageKind.unload, call: this.#nextCall++, snapshot, rows: 0 })
  }

  /** Ends it, in its own way if it does so in time. Calls under way are rejected. */
  async stop(): Promise<void> {
    this.#cause ??= 'it was stopped'
    const { child, socket } = this.#process
    child.ref()
    socket.end()
    const timer = setTimeout(() => child.kill('SIGKILL'), endMs)
    await this.ended
    clearTimeout(timer)
  }

  #ask(head: Omit<FrameHead, 'call'>, parts: readonly ArrayBufferView[], timeoutMs: number): Promise<Frame> {
    if (this.#hasEnded) return Promise.reject(this.#died())
    const call = this.#nextCall++
    writeFrame(this.#process.socket, { ...head, call }, parts)
    return this.#answer(call, timeoutMs)
  }

  #answer(call: number, timeoutMs: number): Promise<Frame> {
    return new Promise((resolve, reject) => {
      if (this.#calls.size === 0) {
        this.#answeredMs = performance.now()
        // An encoder that is idle does not keep this process alive.
        this.#process.child.ref()
      }
      this.#calls.set(call, { timeoutMs, resolve, reject })
    })
  }

  #finish(frame: Frame): void {
    this.#answeredMs = performance.now()
    if (frame.kind === messageKind.compiling) {
      this.#compiling = fromPayload<Compiling>(frame)
      this.#options.onCompile(this.#compiling)
      return
    }
    if (frame.kind === messageKind.failed) {
      const { name, message, fatal } = fromPayload<FailedMessage>(frame)
      if (fatal) this.#kill(message)
      else this.#take(frame.call)?.reject(new EncodeError(name, message))
      return
    }
    this.#take(frame.call)?.resolve(frame)
  }

  #take(number: number): Call | undefined {
    const call = this.#calls.get(number)
    this.#calls.delete(number)
    if (this.#calls.size === 0) this.#process.child.unref()
    return call
  }

  #lookForHang(): void {
    if (this.#calls.size === 0) return
    const boundMs = Math.max(...[...this.#calls.values()].map(({ timeoutMs }) => timeoutMs))
    if (performance.now() - this.#answeredMs > boundMs) this.#kill(`it gave no answer for ${boundMs} ms`)
  }

  #kill(cause: string): void {
    this.#cause ??= cause
    this.#process.child.kill('SIGKILL')
  }

  #died(): EncoderDiedError {
    return new EncoderDiedError(`the encoder's process has ended: ${this.#cause}`)
  }

  #end(cause: string, tell: (died: EncoderDiedError) => void): void {
    this.#hasEnded = true
    this.#cause ??= cause
    clearInterval(this.#watch)
    this.#process.socket.destroy()
    const died = this.#died()
    // First of all, so that a call that is tried again at once meets the next process.
    tell(died)
    for (const call of this.#calls.values()) call.reject(died)
    this.#calls.clear()
  }
}
