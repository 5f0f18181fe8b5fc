// `npx nx run evaluation:results -- NAMES`: the commands of docs/results.md, or those whose file begins with a name, into
// docs/results once all of them are done: what changes there on the way would be told as a commit that is not clean. They take
// hours; what is stopped goes on in .cache/results.
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { launch } from '../packages/cli/bin/launch.js'
import { resultCommands } from './result-commands.mjs'
import { inWorkspace } from './workspace.mjs'

const names = process.argv.slice(2)
const asked = resultCommands().filter(({ file }) => names.length === 0 || names.some((name) => file.startsWith(name)))
if (asked.length === 0) {
  process.stderr.write(`None of the files of docs/results.md begins with ${names.join(' or ')}.\n`)
  process.exitCode = 2
}
const directory = inWorkspace('.cache/results')
mkdirSync(directory, { recursive: true })
// What a file says of its command has no path of this machine then. npm and Nx tell where they were called, which comes first.
process.chdir(directory)
process.env.INIT_CWD = directory
for (const { args } of asked) {
  process.stdout.write(`headwater ${args.join(' ')}\n`)
  process.exitCode = await launch(args)
  if (process.exitCode !== 0) break
}
if (process.exitCode === 0) {
  for (const { file } of asked) copyFileSync(join(directory, file), inWorkspace(join('docs/results', file)))
}
