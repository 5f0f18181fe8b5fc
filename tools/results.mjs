// `npx nx run evaluation:results -- NAMES`: the commands of docs/results.md, or those whose file begins with a name, each into
// docs/results once it is done. They take hours: what is stopped goes on where it was, from files of this commit and .cache/results.
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { launch } from '../packages/cli/bin/launch.js'
import { resultCommands } from './result-commands.mjs'
import { inWorkspace } from './workspace.mjs'

const names = process.argv.slice(2)
const asked = resultCommands().filter(({ file }) => names.length === 0 || names.some((name) => file.startsWith(name)))
if (asked.length === 0) {
  process.stderr.write(`None of the files of docs/results.md begins with ${names.join(' or ')}.\n`)
  process.exitCode = 2
}
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: inWorkspace('.'), encoding: 'utf8' }).trim()
const directory = inWorkspace('.cache/results')
mkdirSync(directory, { recursive: true })
// What a file says of its command has no path of this machine then. npm and Nx tell where they were called, which comes first.
process.chdir(directory)
process.env.INIT_CWD = directory
for (const { args, file, before } of asked) {
  const kept = inWorkspace(`docs/results/${file}`)
  if (existsSync(kept) && JSON.parse(readFileSync(kept, 'utf8')).commit === commit) continue
  for (const [program, ...words] of before) {
    process.stdout.write(`${program} ${words.join(' ')}\n`)
    if (program === 'node') execFileSync(process.execPath, words, { stdio: 'inherit' })
    else await launch(words.slice(1))
  }
  process.stdout.write(`headwater ${args.join(' ')}\n`)
  process.exitCode = await launch(args)
  if (process.exitCode !== 0) break
  copyFileSync(file, kept)
}
