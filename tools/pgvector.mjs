// `npx nx run cli:test-pgvector`: the recipe of docs/from-elsewhere.md on PostgreSQL with pgvector, Debian's in the workspace.
import { spawnSync } from 'node:child_process'
import { withDriver } from '../packages/gpu/driver-environment.js'
import { ensureProgram, postgres } from './programs.mjs'
import { environmentFile, inWorkspace } from './workspace.mjs'

await ensureProgram(postgres, (line) => process.stdout.write(`${line}\n`))
const program = inWorkspace('packages/cli/src/testing/pgvector.ts')
const options = ['--conditions=@headwater/source', '--import', 'tsx', program]
process.exitCode =
  spawnSync(process.execPath, options, { stdio: 'inherit', env: withDriver(environmentFile) }).status ?? 1
