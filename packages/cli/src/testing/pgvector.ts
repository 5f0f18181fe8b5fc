/** Run as a program: what docs/from-elsewhere.md does with pgvector, on a PostgreSQL of its own. `npx nx run cli:test-pgvector` */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { DuckDBInstance } from '@duckdb/node-api'
import { runCommandLine } from '../commands/program.ts'
import { recipes } from './recipes.ts'
import { makeStore } from './small-store.ts'

/** Starts PostgreSQL's programs by their names, as another user where this one is root, whom it refuses. */
const start = process.env.HEADWATER_POSTGRES!
const own = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}

const home = mkdtempSync(join(tmpdir(), 'headwater-pgvector-'))
chmodSync(home, 0o755)
try {
  process.env.INIT_CWD = home
  await makeStore(join(home, 'store'), 12)
  const asked = ['store', 'export', 'lmdb:store', 'vectors', '--model', 'sum', '--vector-type', 'float32']
  assert.equal(await runCommandLine(asked), 0)
  const { duckdb, postgres } = recipes(home)
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  for (const sql of duckdb) await connection.run(sql)
  connection.closeSync()
  assert(existsSync(join(home, 'vectors.csv')))
  const data = join(home, 'data')
  mkdirSync(data, { mode: 0o700 })
  if (own.uid !== undefined) chownSync(data, own.uid, own.gid)
  const run = (program: string, ...args: string[]) =>
    execFileSync(start, [program, ...args], {
      ...own,
      cwd: data,
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
    })
  run('initdb', '-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C')
  const server = spawn(start, ['postgres', '-D', data, '-k', data, '-c', 'listen_addresses='], {
    ...own,
    stdio: 'ignore',
  })
  try {
    const psql = (...args: string[]) =>
      run('psql', '-h', data, '-U', 'postgres', '-v', 'ON_ERROR_STOP=1', '-At', ...args)
    while (!existsSync(join(data, '.s.PGSQL.5432')) && server.exitCode === null) await wait(50)
    for (;;)
      try {
        psql('-c', 'SELECT 1')
        break
      } catch (error) {
        if (server.exitCode !== null) throw error
        await wait(100)
      }
    const file = join(home, 'load.sql')
    writeFileSync(file, postgres)
    const said = psql('-f', file).trim().split('\n').slice(-3)
    assert.deepEqual(said, ['u0|1', 'u10|1', 'u11|1'])
    process.stdout.write('pgvector has the vectors, and finds the nearest users\n')
  } finally {
    server.kill('SIGINT')
    await once(server, 'exit')
  }
} finally {
  rmSync(home, { recursive: true, force: true })
}
