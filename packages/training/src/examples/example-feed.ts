/** Events become examples as they come: encoded from what was known before them, and kept on disk. */
import { type FeatureSpace, groupsByTime, happened, type LogEvent, Replay } from '@headwater/features'
import { LogDigest } from '@headwater/features/log-digest'
import { ExampleFile } from './example-file.ts'
import { TimeIndex } from './known-labels.ts'
import type { PanelSampler } from './panel-sampler.ts'
import { momentWords } from './past-sequences.ts'
import { allocateExamples, type TrainingBatch } from './training-batch.ts'

const encodeRows = 512

export class ExampleFeed {
  readonly file: ExampleFile
  /** Which users snapshots are compared on, of the events so far. */
  readonly panel: PanelSampler
  /** Of the examples in the file; they are there only where tasks have delays. */
  readonly times: TimeIndex
  /** Time of the newest event, ms since 1970; −∞ before the first. */
  newestMs = Number.NEGATIVE_INFINITY
  /** Of all events fed. */
  readonly digest: LogDigest
  readonly #replay: Replay
  readonly #isTimed: boolean
  /** Filled up to `#rows`, and free behind `flush`. */
  readonly #batch: TrainingBatch
  readonly #moments: Uint32Array
  #rows = 0

  /** @param path where examples are kept until `close`; `.sequences` behind it, their users' events */
  constructor(space: FeatureSpace, path: string, panel: PanelSampler) {
    this.file = new ExampleFile(space, path)
    this.panel = panel
    this.times = new TimeIndex()
    this.digest = new LogDigest(space.schema)
    this.#replay = new Replay(space)
    this.#isTimed = space.tasks.some(({ delayMs }) => delayMs > 0)
    this.#batch = allocateExamples(space, encodeRows)
    this.#moments = this.file.allocateMoments(encodeRows)
  }

  /**
   * Encodes events, in time order and in whole groups of equal time.
   * @param isExample false for one that features learn of and nothing is trained on. Default: all are examples
   */
  feed(events: Iterable<LogEvent>, isExample: (event: LogEvent) => boolean = () => true): void {
    for (const group of groupsByTime(events)) {
      for (const event of group) {
        this.digest.add(event)
        if (!isExample(event)) continue
        this.#replay.encodeWithoutSequence(event, this.#batch, this.#rows)
        this.file.sequences?.momentOf(event.user, this.#moments, this.#rows * momentWords)
        this.panel.observe(event.user, this.file.length + this.#rows)
        if (++this.#rows === encodeRows) this.flush()
      }
      for (const event of group) {
        if (!happened(event)) continue
        this.#replay.ingest([event])
        this.file.sequences?.add(event.user, this.#replay.userState(event.user))
      }
      this.newestMs = Math.max(this.newestMs, group[0].timeMs)
    }
  }

  /** Everything fed is in the file now. */
  flush(): void {
    if (this.#rows === 0) return
    this.file.append({ ...this.#batch, rows: this.#rows }, this.#moments)
    if (this.#isTimed) this.times.add(this.#batch.timeMs.subarray(0, this.#rows))
    this.#rows = 0
  }

  /** Times of the examples `from … to − 1`, at most 512, of which none waits to be flushed. */
  readonly readTimes = (from: number, to: number): Float64Array => {
    const order = Uint32Array.from({ length: to - from }, (_, i) => from + i)
    return this.file.read(order, 0, order.length, this.#batch, null).timeMs
  }

  /** Dense values of the user side, [n, columns], of up to `most` examples evenly spread over the first `rows`. */
  sampleDense(rows: number, most: number): Float32Array {
    const n = Math.min(rows, most)
    const order = Uint32Array.from({ length: n }, (_, i) => Math.floor((i * rows) / n))
    const columns = this.file.space.user.dense.length
    const sample = new Float32Array(n * columns)
    for (let from = 0; from < n; from += encodeRows) {
      const { user, rows } = this.file.read(order, from, Math.min(n, from + encodeRows), this.#batch, null)
      sample.set(user.dense.subarray(0, rows * columns), from * columns)
    }
    return sample
  }

  close(): void {
    this.file.close()
  }
}
