import type { Stages } from '@headwater/evaluation'
import cliProgress from 'cli-progress'

interface Output {
  readonly isTTY?: boolean
  write(text: string): unknown
}

const lineEveryMs = 5000

/** Progress of a long command on stderr: a bar with rate and time left in a terminal, plain lines elsewhere. */
export function progressOn(output: Output = process.stderr): Stages {
  return output.isTTY ? new Bars() : new Lines(output)
}

class Bars implements Stages {
  #bar: cliProgress.SingleBar | null = null
  #total = 0
  #startMs = 0

  begin(stage: string, total: number): void {
    this.#total = total
    this.#startMs = performance.now()
    const counts = total > 0 ? '{value}/{total}  {rate}/s  ' : ''
    this.#bar = new cliProgress.SingleBar({
      format: `${stage.padEnd(12)} [{bar}] {percentage} %  ${counts}{eta_formatted} left`,
      barsize: 30,
      hideCursor: true,
      stream: process.stderr,
    })
    this.#bar.start(total || 1, 0, { rate: '–' })
  }

  advance(done: number): void {
    const seconds = (performance.now() - this.#startMs) / 1000
    this.#bar?.update(done, { rate: Math.round(done / Math.max(seconds, 1e-3)).toLocaleString('en') })
  }

  end(): void {
    this.#bar?.update(this.#total || 1)
    this.#bar?.stop()
    this.#bar = null
  }
}

class Lines implements Stages {
  readonly #output: Output
  #stage = ''
  #total = 0
  #startMs = 0
  #lastMs = 0

  constructor(output: Output) {
    this.#output = output
  }

  begin(stage: string, total: number): void {
    this.#stage = stage
    this.#total = total
    this.#startMs = performance.now()
    this.#lastMs = this.#startMs
    this.#output.write(`${stage} …\n`)
  }

  advance(done: number): void {
    const nowMs = performance.now()
    if (nowMs - this.#lastMs < lineEveryMs) return
    this.#lastMs = nowMs
    const share = done / (this.#total || 1)
    const left = ((nowMs - this.#startMs) / 1000 / share) * (1 - share)
    const counts = this.#total > 0 ? `, ${done.toLocaleString('en')} of ${this.#total.toLocaleString('en')}` : ''
    this.#output.write(`${this.#stage} ${Math.round(share * 100)} %${counts}, ${Math.round(left)} s left\n`)
  }

  end(): void {
    this.#output.write(`${this.#stage} done in ${((performance.now() - this.#startMs) / 1000).toFixed(1)} s\n`)
  }
}
