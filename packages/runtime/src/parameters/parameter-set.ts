import { type Axis, lengthOf } from './axis.ts'

/** How a parameter starts: uniform in [−bound, bound), normal of that deviation, as given row by row, all one, or all zero. */
export type Initialization =
  | { readonly uniform: number }
  | { readonly normal: number }
  | { readonly values: readonly number[] }
  | 'one'
  | 'zero'

export interface Parameter {
  readonly name: string
  readonly rows: number
  readonly cols: number
  readonly initialization: Initialization
  /** Subject to weight decay. */
  readonly decay: boolean
  /** What stands on rows and columns. */
  readonly axes: readonly [rows: Axis, cols: Axis]
  /** What a new row or column starts with, in a tower that goes on from an older one. */
  readonly fill: number
}

/** An embedding table [rows, width] with its row-wise Adagrad accumulators. */
export interface Table {
  readonly name: string
  readonly rows: number
  readonly width: number
  readonly initialization: Initialization
  /** In a tower that goes on from an older one, which has no such table: it starts at zero, not as initialized. */
  readonly addedAsZero: boolean
}

/** A parameter or a table, as a snapshot holds it. */
export type Entry = Omit<Parameter, 'decay'> & Pick<Table, 'addedAsZero'>

/** What a model consists of, declared before anything is allocated. */
export class ParameterSet {
  readonly parameters: Parameter[] = []
  readonly tables: Table[] = []
  #sites = 0

  /** A dense parameter, whose size is that of its axes. */
  declare(
    name: string,
    rows: Axis,
    cols: Axis,
    initialization: Initialization,
    options: { readonly decay?: boolean; readonly fill?: number } = {},
  ): Parameter {
    const { decay = true, fill = 0 } = options
    const size = { rows: lengthOf(rows), cols: lengthOf(cols) }
    const parameter: Parameter = { name, ...size, initialization, decay, axes: [rows, cols], fill }
    this.parameters.push(parameter)
    return parameter
  }

  /** Where there is a table of that name, it is the same one: who declares it again looks it up, too. */
  table(name: string, rows: number, width: number, initialization: Initialization, addedAsZero = false): Table {
    const declared = this.tables.find((table) => table.name === name)
    if (declared) {
      if (declared.rows === rows && declared.width === width) return declared
      throw new RangeError(
        `Table ${name} is ${declared.rows} × ${declared.width} for one part of the model and ${rows} × ${width} for another.`,
      )
    }
    const table = { name, rows, width, initialization, addedAsZero }
    this.tables.push(table)
    return table
  }

  /** A number that no other dropout of the model has, from 1. */
  site(): number {
    return ++this.#sites
  }

  /** Everything that a snapshot holds. */
  entries(): Entry[] {
    return [
      ...this.parameters.map((parameter) => ({ ...parameter, addedAsZero: false })),
      ...this.tables.map(({ width, ...table }) => ({
        ...table,
        cols: width,
        axes: [table.rows, width] as const,
        fill: 0,
      })),
    ]
  }

  /** Number of trained values, padding not counted. */
  get count(): number {
    return this.entries().reduce((sum, { rows, cols }) => sum + rows * cols, 0)
  }
}
