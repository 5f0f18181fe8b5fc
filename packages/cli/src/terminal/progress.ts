import type { Stages } from '@headwater/evaluation'
import cliProgress from 'cli-progress'
import { count } from './format.ts'

/** Where progress is drawn: a terminal says so by `isTTY`. */
export type ProgressOutput = NodeJS.WritableStream & { readonly isTTY?: boolean }

/** Stages that are drawn; `close` leaves the terminal as it was, also when a stage broke off. */
export interface Progress extends Stages {
  close(): void
}

const lineEveryMs = 5000

/** Progress of a long command on stderr: a bar with rate and time left in a terminal, plain lines elsewhere. */
export function progressOn(output: ProgressOutput = process.stderr): Progress {
  return output.isTTY ? new Bars(output) : new Lines(output)
}

/** The speed of a stage since its first report, as a stage need not begin at 0. */
class Pace {
  readonly total: number
  readonly startMs = performance.now()
  #firstMs = 0
  #first = Number.NaN

  constructor(total: number) {
    this.total = total
  }

  /** Null until it has made progress. */
  at(done: number): { readonly perSecond: number; readonly leftSeconds: number } | null {
    const nowMs = performance.now()
    if (Number.isNaN(this.#first)) {
      this.#first = done
      this.#firstMs = nowMs
    }
    const perSecond = ((done - this.#first) / (nowMs - this.#firstMs)) * 1000
    if (!(perSecond > 0 && perSecond < Number.POSITIVE_INFINITY)) return null
    return { perSecond, leftSeconds: Math.max(0, (this.total || 1) - done) / perSecond }
  }

  get elapsedSeconds(): number {
    return (performance.now() - this.startMs) / 1000
  }
}

function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds)
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`
}

class Bars implements Progress {
  readonly #output: ProgressOutput
  #bar: cliProgress.SingleBar | null = null
  #pace = new Pace(0)

  constructor(output: ProgressOutput) {
    this.#output = output
  }

  begin(stage: string, total: number): void {
    this.#pace = new Pace(total)
    const counts = total > 0 ? '  {value}/{total}  {rate}/s' : ''
    this.#bar = new cliProgress.SingleBar({
      format: `${stage.padEnd(12)} [{bar}] {percentage} %${counts}  {left}`,
      barsize: 30,
      hideCursor: true,
      stream: this.#output,
    })
    this.#bar.start(total || 1, 0, { rate: '–', left: '' })
  }

  advance(done: number): void {
    const pace = this.#pace.at(done)
    if (pace === null) this.#bar?.update(done)
    else this.#bar?.update(done, { rate: count(pace.perSecond), left: `${formatSeconds(pace.leftSeconds)} left` })
  }

  end(): void {
    this.#bar?.update(this.#pace.total || 1, { left: `${this.#pace.elapsedSeconds.toFixed(1)} s` })
    this.close()
  }

  close(): void {
    this.#bar?.stop()
    this.#bar = null
  }
}

class Lines implements Progress {
  readonly #output: ProgressOutput
  #stage = ''
  #pace = new Pace(0)
  #lastMs = 0

  constructor(output: ProgressOutput) {
    this.#output = output
  }

  begin(stage: string, total: number): void {
    this.#stage = stage
    this.#pace = new Pace(total)
    this.#lastMs = this.#pace.startMs
    this.#output.write(`${stage} …\n`)
  }

  advance(done: number): void {
    const { total } = this.#pace
    const pace = this.#pace.at(done)
    const nowMs = performance.now()
    if (nowMs - this.#lastMs < lineEveryMs) return
    this.#lastMs = nowMs
    const parts = [`${this.#stage} ${Math.floor(Math.min(1, done / (total || 1)) * 100)} %`]
    if (total > 0) parts.push(`${count(done)} of ${count(total)}`)
    if (total > 0 && pace) parts.push(`${count(pace.perSecond)}/s`)
    if (pace) parts.push(`${formatSeconds(pace.leftSeconds)} left`)
    this.#output.write(`${parts.join(', ')}\n`)
  }

  end(): void {
    this.#output.write(`${this.#stage} done in ${this.#pace.elapsedSeconds.toFixed(1)} s\n`)
  }

  close(): void {}
}
