import { identifier } from './sql.ts'

/** How a column stores its values: text (CSV, Parquet), JSON, a list, a time, or a number or other single value. */
export type ColumnKind = 'text' | 'json' | 'list' | 'timestamp' | 'scalar'

/** A column of a file, read as SQL expressions of one type whatever the file's format. */
export class Column {
  readonly kind: ColumnKind
  readonly #sql: string

  constructor(name: string, kind: ColumnKind) {
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
  timeMs(unit: 's' | 'ms' | 'iso'): string {
    if (unit === 'iso') {
      const source = this.kind === 'timestamp' ? this.#sql : this.text()
      return `CAST(epoch_ms(TRY_CAST(${source} AS TIMESTAMPTZ)) AS DOUBLE)`
    }
    return `round(TRY_CAST(${this.text()} AS DOUBLE) * ${unit === 's' ? 1000 : 1})`
  }

  /** VARCHAR[], null where it is missing or empty; a text is split on "|". */
  texts(): string {
    const present = `list_filter(${this.#list('VARCHAR')}, lambda entry: entry <> '')`
    return `NULLIF(${present}, CAST([] AS VARCHAR[]))`
  }

  /** DOUBLE[], null where it is missing or no list of numbers; a text is split on "|". */
  numbers(): string {
    return this.#list('DOUBLE')
  }

  #list(type: 'VARCHAR' | 'DOUBLE'): string {
    const cast = (list: string) => `TRY_CAST(${list} AS ${type}[])`
    if (this.kind === 'list') return cast(this.#sql)
    const split = cast(`string_split(${this.text()}, '|')`)
    if (this.kind !== 'json') return split
    return `CASE json_type(${this.#sql}) WHEN 'ARRAY' THEN ${cast(`(${this.#sql} ->> '$[*]')`)} ELSE ${split} END`
  }
}
