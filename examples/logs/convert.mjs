// `node ../convert.mjs FOLDER`: runs the convert.sql of the directory that it is called in over a folder with a log as it was
// downloaded, which leaves log.parquet there; `node ../convert.mjs FOLDER other.sql` another one. DuckDB's own program does the
// same: `duckdb -cmd "SET VARIABLE folder = 'FOLDER'" -f convert.sql`.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

// That of the package that reads logs.
const ofDatasets = createRequire(new URL('../../packages/datasets/package.json', import.meta.url))
const { DuckDBInstance } = ofDatasets('@duckdb/node-api')

const [folder, file = 'convert.sql'] = process.argv.slice(2)
if (folder === undefined) {
  process.stderr.write('Name the folder with the log: node ../convert.mjs FOLDER\n')
  process.exit(2)
}
const instance = await DuckDBInstance.create(':memory:')
const connection = await instance.connect()
try {
  const sql = readFileSync(file, 'utf8')
  await connection.run(`SET VARIABLE folder = '${folder.replaceAll("'", "''")}'`)
  // That of its last statement, a COPY.
  const [[rows]] = (await connection.runAndReadAll(sql)).getRows()
  process.stdout.write(`${/TO '(.*?)'/.exec(sql)?.[1]}: ${Number(rows).toLocaleString('en')} rows\n`)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
} finally {
  connection.closeSync()
  instance.closeSync()
}
