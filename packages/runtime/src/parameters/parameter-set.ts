/** How a parameter starts: uniform in [−bound, bound), normal of that deviation, all one, or all zero. */
export type Initialization = { readonly uniform: number } | { readonly normal: number } | 'one' | 'zero'

export interface Parameter {
  readonly name: string
  readonly rows: number
  readonly cols: number
  readonly initialization: Initialization
  /** Subject to weight decay. */
  readonly decay: boolean
}

/** An embedding table [rows, width] with its row-wise Adagrad accumulators. */
export interface Table {
  readonly name: string
  readonly rows: number
  readonly width: number
  readonly initialization: Initialization
}

/** What a model consists of, declared before anything is allocated. */
export class ParameterSet {
  readonly parameters: Parameter[] = []
  readonly tables: Table[] = []
  #sites = 0

  /** A dense parameter [rows, cols]. */
  declare(
    name: string,
    rows: number,
    cols: number,
    initialization: Initialization,
    options: { decay?: boolean } = {},
  ): Parameter {
    const parameter: Parameter = { name, rows, cols, initialization, decay: options.decay ?? true }
    this.parameters.push(parameter)
    return parameter
  }

  table(name: string, rows: number, width: number, initialization: Initialization): Table {
    const table = { name, rows, width, initialization }
    this.tables.push(table)
    return table
  }

  /** A number that no other dropout of the model has, from 1. */
  site(): number {
    return ++this.#sites
  }

  /** Names and shapes of everything that a snapshot holds. */
  entries(): { name: string; rows: number; cols: number; initialization: Initialization }[] {
    return [
      ...this.parameters.map(({ name, rows, cols, initialization }) => ({ name, rows, cols, initialization })),
      ...this.tables.map(({ name, rows, width, initialization }) => ({ name, rows, cols: width, initialization })),
    ]
  }

  /** Number of trained values, padding not counted. */
  get count(): number {
    const dense = this.parameters.reduce((sum, p) => sum + p.rows * p.cols, 0)
    return dense + this.tables.reduce((sum, t) => sum + t.rows * t.width, 0)
  }
}
