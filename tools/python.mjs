// `node tools/python.mjs ARGUMENTS`: runs them by a Python that has PyTorch, flake8 and mypy, Debian's in the workspace where the
// machine has none; from then on tests of packages/python run by it too.
import { spawnSync } from 'node:child_process'
import { withDriver } from '../packages/gpu/driver-environment.js'
import { ensureProgram, python } from './programs.mjs'
import { environmentFile } from './workspace.mjs'

await ensureProgram(python, (line) => process.stdout.write(`${line}\n`))
const program = withDriver(environmentFile)[python.variable] ?? python.usual[0]
process.exitCode = spawnSync(program, process.argv.slice(2), { stdio: 'inherit' }).status ?? 1
