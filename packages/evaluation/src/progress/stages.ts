/** What a long job tells while it runs; a terminal draws it, a log prints it. */
export interface Stages {
  /** A stage begins; `total` counts what `advance` reports, 0 where it reports a share instead. */
  begin(stage: string, total: number): void
  advance(done: number): void
  end(): void
}

export const silentStages: Stages = { begin() {}, advance() {}, end() {} }

/** Wall-clock seconds by stage, handing everything on. */
export class TimedStages implements Stages {
  readonly seconds: Record<string, number> = {}
  readonly #inner: Stages
  #stage = ''
  #startMs = 0

  constructor(inner: Stages) {
    this.#inner = inner
  }

  begin(stage: string, total: number): void {
    this.#stage = stage
    this.#startMs = performance.now()
    this.#inner.begin(stage, total)
  }

  advance(done: number): void {
    this.#inner.advance(done)
  }

  end(): void {
    const seconds = (performance.now() - this.#startMs) / 1000
    this.seconds[this.#stage] = (this.seconds[this.#stage] ?? 0) + seconds
    this.#inner.end()
  }
}
