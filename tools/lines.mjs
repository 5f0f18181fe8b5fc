// `npx nx run tools:lines -- [--json FILE]`: lines of what ships, by package: sources without tests, `testing` folders and
// what .gitattributes says is generated.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { filesOf, isSource, isTest } from './package-files.mjs'
import { inWorkspace } from './workspace.mjs'

const { values } = parseArgs({ options: { json: { type: 'string' } } })

/** @param {string} name @param {(path: string) => boolean} chosen */
const linesOf = (name, chosen) =>
  filesOf(name)
    .filter((path) => isSource(path) && !isTest(path) && chosen(path))
    .reduce(
      (sum, path) => sum + readFileSync(inWorkspace(`packages/${name}/${path}`), 'utf8').split('\n').length - 1,
      0,
    )

const isTypeScript = (/** @type {string} */ path) => path.endsWith('.ts')
const packages = readdirSync(inWorkspace('packages')).map((name) => ({
  name,
  typescript: linesOf(name, isTypeScript),
  javascript: linesOf(name, (path) => !isTypeScript(path)),
}))
const total = {
  name: 'total',
  typescript: packages.reduce((sum, { typescript }) => sum + typescript, 0),
  javascript: packages.reduce((sum, { javascript }) => sum + javascript, 0),
}
const row = (/** @type {string} */ name, /** @type {(string | number)[]} */ ...cells) =>
  process.stdout.write(`${name.padEnd(12)}${cells.map((cell) => String(cell).padStart(12)).join('')}\n`)
row('package', 'TypeScript', 'JavaScript', 'lines')
for (const { name, typescript, javascript } of [...packages, total])
  row(name, typescript, javascript, typescript + javascript)
if (values.json)
  writeFileSync(
    resolve(process.env.INIT_CWD ?? '.', values.json),
    `${JSON.stringify({ ...total, lines: total.typescript + total.javascript, packages }, null, 2)}\n`,
  )
