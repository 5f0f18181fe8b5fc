import { readFileSync } from 'node:fs'

const page = new URL('../../../../docs/from-elsewhere.md', import.meta.url)

/** The statements of docs/from-elsewhere.md, on the files of a directory: DuckDB's in their order, and what `psql -f` reads. */
export function recipes(directory: string) {
  const blocks = [...readFileSync(page, 'utf8').matchAll(/^```sql\n(.*?)^```/gms)].map(([, sql]) =>
    sql.replaceAll("'vectors", `'${directory}/vectors`),
  )
  const isPostgres = (sql: string) => sql.includes('EXTENSION')
  return { duckdb: blocks.filter((sql) => !isPostgres(sql)), postgres: blocks.find(isPostgres)! }
}
