import type { Schema } from '@headwater/features'
import { identifier, literal } from './sql.ts'

const listSeparator = '|'

type TimeUnit = Schema['time']['unit']

/** How a column stores its values: text (CSV, Parquet), JSON, a list, a time, a number or other single value, or several in one. */
export type ColumnKind = 'text' | 'json' | 'list' | 'timestamp' | 'scalar' | 'nested'

/** A column of a file, read as SQL expressions of one type whatever the file's format. */
export class Column {
  readonly name: string
  readonly kind: ColumnKind
  readonly #sql: string

  constructor(name: string, kind: ColumnKind) {
    this.name = name
    this.kind = kind
    this.#sql = identifier(name)
  }

  /** VARCHAR, null where missing. */
  text(): string {
    if (this.kind === 'text') return this.#sql
    return this.kind === 'json' ? `(${this.#sql} ->> '$')` : `CAST(${this.#sql} AS VARCHAR)`
  }

  /** DOUBLE, null where it is missing or no number; true and false are 1 and 0. */
  number(): string {
    if (this.kind === 'scalar') return `TRY_CAST(${this.#sql} AS DOUBLE)`
    const text = this.text()
    return `COALESCE(TRY_CAST(${text} AS DOUBLE), CASE lower(${text}) WHEN 'true' THEN 1 WHEN 'false' THEN 0 END)`
  }

  /** Milliseconds since 1970 as DOUBLE, null where it is missing or no time. */
  timeMs(unit: TimeUnit): string {
    if (unit === 'iso') {
      const source = this.kind === 'timestamp' ? this.#sql : this.text()
      return `CAST(epoch_ms(TRY_CAST(${source} AS TIMESTAMPTZ)) AS DOUBLE)`
    }
    return `round(TRY_CAST(${this.text()} AS DOUBLE) * ${{ s: 1000, ms: 1, us: 0.001 }[unit]})`
  }

  /** VARCHAR[], null where it is missing or empty; a text is split on the separator. */
  texts(separator = listSeparator): string {
    const present = `list_filter(${this.#list('VARCHAR', separator)}, lambda entry: entry <> '')`
    return `NULLIF(${present}, CAST([] AS VARCHAR[]))`
  }

  /** DOUBLE[], null where it is missing or no list of numbers; a text is split on the separator. */
  numbers(separator = listSeparator): string {
    return this.#list('DOUBLE', separator)
  }

  #list(type: 'VARCHAR' | 'DOUBLE', separator: string): string {
    const cast = (list: string) => `TRY_CAST(${list} AS ${type}[])`
    if (this.kind === 'list') return cast(this.#sql)
    const split = cast(`string_split(${this.text()}, ${literal(separator)})`)
    if (this.kind !== 'json') return split
    return `CASE json_type(${this.#sql}) WHEN 'ARRAY' THEN ${cast(`(${this.#sql} ->> '$[*]')`)} ELSE ${split} END`
  }
}
