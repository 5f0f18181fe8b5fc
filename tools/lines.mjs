// `npx nx run tools:lines -- [--json FILE]`: lines of what ships, by package: sources without tests, `testing` folders and
// what .gitattributes says is generated.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { filesOf, isSource, isTest } from './package-files.mjs'
import { inWorkspace } from './workspace.mjs'

const { values } = parseArgs({ options: { json: { type: 'string' } } })
const isPython = (/** @type {string} */ path) => path.endsWith('.py')
const total = { name: 'total', typescript: 0, javascript: 0, python: 0, lines: 0 }
const packages = readdirSync(inWorkspace('packages')).map((name) => {
  const counts = { name, typescript: 0, javascript: 0, python: 0, lines: 0 }
  const isCounted = (/** @type {string} */ path) => (isSource(path) || isPython(path)) && !isTest(path)
  for (const path of filesOf(name).filter(isCounted)) {
    const lines = readFileSync(inWorkspace(`packages/${name}/${path}`), 'utf8').split('\n').length - 1
    for (const sum of [counts, total]) {
      sum[isPython(path) ? 'python' : path.endsWith('.ts') ? 'typescript' : 'javascript'] += lines
      sum.lines += lines
    }
  }
  return counts
})
console.table([...packages, total])
if (values.json) {
  const file = resolve(process.env.INIT_CWD ?? '.', values.json)
  writeFileSync(file, `${JSON.stringify({ ...total, packages }, null, 2)}\n`)
}
