import type { Stages } from '@headwater/evaluation'
import cliProgress from 'cli-progress'
import { count } from './format.ts'
import { linePace } from './line-pace.ts'
import { isQuiet } from './quiet.ts'

/** Where progress is drawn: a terminal says so by `isTTY`. */
export type ProgressOutput = NodeJS.WritableStream & { readonly isTTY?: boolean }

/** Stages that are drawn; `close` leaves the terminal as it was, also when a stage broke off. */
export interface Progress extends Stages {
  /** A driver compiles kernel `number` of `total`: shown in place of the stage's pace. */
  compiling(number: number, total: number): void
  /** @param done where the stage ended, if not at its total */
  end(done?: number): void
  close(): void
}

/** Progress of a long command on stderr: a bar with rate and time left in a terminal, plain lines elsewhere. */
export function progressOn(output: ProgressOutput = process.stderr): Progress {
  if (isQuiet('progress')) return silent
  return output.isTTY ? new Bars(output) : new Lines(output)
}

const nothing = () => {}
const silent: Progress = { begin: nothing, advance: nothing, end: nothing, compiling: nothing, close: nothing }

/** A stage and its speed. */
abstract class Drawn implements Progress {
  protected readonly output: ProgressOutput
  protected stage = ''
  protected total = 0
  protected startMs = 0
  /** The first report, as a stage need not begin at 0. */
  #first: { readonly done: number; readonly ms: number } | null = null

  constructor(output: ProgressOutput) {
    this.output = output
  }

  begin(stage: string, total: number): void {
    this.stage = stage
    this.total = total
    this.startMs = performance.now()
    this.#first = null
    this.begun()
  }

  advance(done: number): void {
    const nowMs = performance.now()
    this.#first ??= { done, ms: nowMs }
    const perSecond = ((done - this.#first.done) / (nowMs - this.#first.ms)) * 1000
    const isKnown = perSecond > 0 && perSecond < Number.POSITIVE_INFINITY
    const left = () => formatSeconds(Math.max(0, (this.total || 1) - done) / perSecond)
    this.advanced(done, isKnown ? { rate: `${count(perSecond)}/s`, left: `${left()} left` } : null)
  }

  compiling(number: number, total: number): void {
    this.told(`compiling kernels ${number} of ${total}`)
  }

  protected get taken(): string {
    return `${((performance.now() - this.startMs) / 1000).toFixed(1)} s`
  }

  protected abstract begun(): void
  protected abstract told(what: string): void
  /** @param pace null until it has made progress */
  protected abstract advanced(done: number, pace: { readonly rate: string; readonly left: string } | null): void
  abstract end(done?: number): void
  abstract close(): void
}

function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds)
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`
}

class Bars extends Drawn {
  #bar: cliProgress.SingleBar | null = null

  protected begun(): void {
    const counts = this.total > 0 ? '  {value}/{total}  {rate}' : ''
    this.#bar = new cliProgress.SingleBar({
      format: `${this.stage.padEnd(12)} [{bar}] {percentage} %${counts}  {left}`,
      barsize: 30,
      hideCursor: true,
      stream: this.output,
    })
    this.#bar.start(this.total || 1, 0, { rate: '–/s', left: '' })
  }

  protected advanced(done: number, pace: object | null): void {
    this.#bar?.update(done, pace ?? {})
  }

  protected told(left: string): void {
    this.#bar?.update({ left })
  }

  end(done = this.total || 1): void {
    this.#bar?.update(done, { left: this.taken })
    this.close()
  }

  close(): void {
    this.#bar?.stop()
    this.#bar = null
  }
}

class Lines extends Drawn {
  #isDue = linePace()

  protected begun(): void {
    this.#isDue = linePace()
    this.output.write(`${this.stage} …\n`)
  }

  protected told(what: string): void {
    if (this.#isDue()) this.output.write(`${what}\n`)
  }

  protected advanced(done: number, pace: { readonly rate: string; readonly left: string } | null): void {
    if (!this.#isDue()) return
    const parts = [`${this.stage} ${Math.floor(Math.min(1, done / (this.total || 1)) * 100)} %`]
    if (this.total > 0) parts.push(`${count(done)} of ${count(this.total)}`, ...(pace ? [pace.rate] : []))
    if (pace) parts.push(pace.left)
    this.output.write(`${parts.join(', ')}\n`)
  }

  end(): void {
    this.output.write(`${this.stage} done in ${this.taken}\n`)
  }

  close(): void {}
}
