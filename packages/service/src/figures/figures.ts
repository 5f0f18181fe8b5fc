/** Figures in the text format of Prometheus, whose values are read where they are kept, at the scrape. */

/** Values by their labels, in the order of the labels' names. */
export type Labelled = Iterable<readonly [labels: readonly string[], value: number]>

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Samples of one name, or of names that begin with it. */
export interface Family {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  samples(): Iterable<Sample>
}

export class Figures {
  readonly #families: Family[] = []

  /** @param read what was counted since the start */
  counter(name: string, help: string, read: () => number): void {
    this.counters(name, help, [], () => [[[], read()]])
  }

  counters(name: string, help: string, labels: readonly string[], read: () => Labelled): void {
    this.add({ name, help, type: 'counter', samples: () => samplesOf(name, labels, read()) })
  }

  gauge(name: string, help: string, read: () => number): void {
    this.gauges(name, help, [], () => [[[], read()]])
  }

  gauges(name: string, help: string, labels: readonly string[], read: () => Labelled): void {
    this.add({ name, help, type: 'gauge', samples: () => samplesOf(name, labels, read()) })
  }

  add(family: Family): void {
    this.#families.push(family)
  }

  /** Counters and gauges as they are now. */
  *values(): Iterable<Sample & Pick<Family, 'help'>> {
    for (const { help, type, samples } of this.#families)
      if (type !== 'histogram') for (const sample of samples()) yield { ...sample, help }
  }

  text(): string {
    return this.#families.map(textOf).join('\n')
  }
}

function* samplesOf(name: string, names: readonly string[], values: Labelled): Iterable<Sample> {
  for (const [labels, value] of values)
    yield { name, labels: Object.fromEntries(names.map((each, i) => [each, labels[i]])), value }
}

function textOf(family: Family): string {
  const { name, help, type } = family
  let text = `# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${type}\n`
  for (const { name, labels, value } of family.samples()) {
    const pairs = Object.entries(labels).map(([label, each]) => `${label}="${escaped(each).replaceAll('"', '\\"')}"`)
    text += `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${String(value).replace('Infinity', 'Inf')}\n`
  }
  return text
}

const escaped = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
