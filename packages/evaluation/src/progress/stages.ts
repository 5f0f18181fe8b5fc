/** What a long job tells while it runs; a terminal draws it, a log prints it. */
export interface Stages {
  /** A stage begins; `total` counts what `advance` reports, 0 where it reports a share instead. */
  begin(stage: string, total: number): void
  advance(done: number): void
  end(): void
}

export const silentStages: Stages = { begin() {}, advance() {}, end() {} }

/** Wall-clock seconds by stage, handing everything on. */
export function timedStages(inner: Stages): Stages & { readonly seconds: Record<string, number> } {
  const seconds: Record<string, number> = {}
  let [stage, startMs] = ['', 0]
  return {
    seconds,
    begin: (name, total) => {
      stage = name
      startMs = performance.now()
      inner.begin(name, total)
    },
    advance: (done) => inner.advance(done),
    end: () => {
      seconds[stage] = (seconds[stage] ?? 0) + (performance.now() - startMs) / 1000
      inner.end()
    },
  }
}
