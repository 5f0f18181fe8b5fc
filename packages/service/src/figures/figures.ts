/** Counters and gauges whose values are read where they are kept, at the scrape. */
import { Counter, Gauge, type Registry } from 'prom-client'

/** Values by their labels, in the order of the labels' names. */
export type Labelled = Iterable<readonly [labels: readonly string[], value: number]>

interface Figure {
  readonly name: string
  readonly help: string
}

interface LabelledFigure extends Figure {
  readonly labels: readonly string[]
}

export class Figures {
  readonly #registers: Registry[]

  constructor(registry: Registry) {
    this.#registers = [registry]
  }

  /** @param read what was counted since the start */
  counter(figure: Figure, read: () => number): void {
    this.counters({ ...figure, labels: [] }, () => [[[], read()]])
  }

  counters({ name, help, labels }: LabelledFigure, read: () => Labelled): void {
    new Counter({
      name,
      help,
      labelNames: [...labels],
      registers: this.#registers,
      collect() {
        this.reset()
        for (const [values, value] of read()) this.inc(record(labels, values), value)
      },
    })
  }

  gauge(figure: Figure, read: () => number): void {
    this.gauges({ ...figure, labels: [] }, () => [[[], read()]])
  }

  gauges({ name, help, labels }: LabelledFigure, read: () => Labelled): void {
    new Gauge({
      name,
      help,
      labelNames: [...labels],
      registers: this.#registers,
      collect() {
        this.reset()
        for (const [values, value] of read()) this.set(record(labels, values), value)
      },
    })
  }
}

function record(names: readonly string[], values: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name, i) => [name, values[i]]))
}
