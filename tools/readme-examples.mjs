// The first example of each package's README and of docs/your-own-project.md, and what it prints.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { publicPackages } from './public-packages.mjs'
import { lastWords, runProgram } from './run-program.mjs'
import { inWorkspace } from './workspace.mjs'

/**
 * @typedef {object} Example
 * @property {string} name of the package, or path of the page
 * @property {string} code a module
 * @property {string | null} output null where the README does not say
 * @property {'nothing' | 'run' | 'service'} needs what it stands beside: `out` of `headwater run --out out`, or a service
 */

/** Where examples look for a service. */
export const exampleService = 'http://127.0.0.1:8080'

/** @returns {Example[]} one a package, in the order of their folders, then that of the page */
export function readmeExamples() {
  const readmes = [...publicPackages()].map(([folder, { name }]) => ({ name, path: `packages/${folder}/README.md` }))
  const page = 'docs/your-own-project.md'
  return [...readmes, { name: page, path: page }].map(({ name, path }) => {
    const found = /^```js\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?/ms.exec(readFileSync(inWorkspace(path), 'utf8'))
    if (!found) throw new Error(`${path} has no example: a block of js, and of text with what it prints.`)
    const [, code, output = null] = found
    const needs = code.includes(exampleService) ? 'service' : code.includes('out/seed-1') ? 'run' : 'nothing'
    return { name, code, output, needs }
  })
}

const program = `
  import { format } from 'node:util'
  const outputs = []
  for (const file of process.argv.slice(1)) {
    let text = ''
    console.log = (...values) => { text += format(...values) + '\\n' }
    await import(file)
    outputs.push(text)
  }
  process.stdout.write('\\0' + JSON.stringify(outputs), () => process.exit())`

/**
 * Runs examples one after another in one process.
 * @param {readonly Example[]} examples
 * @param {string} directory where they run and may leave files; the packages are found from there
 * @param {{ node?: string, options?: readonly string[], env?: NodeJS.ProcessEnv }} [how] another Node, and its options
 * @returns {Promise<string[]>} what each printed
 */
export async function runExamples(examples, directory, { node = process.execPath, options = [], env } = {}) {
  mkdirSync(directory, { recursive: true })
  const files = examples.map(({ name, code }) => {
    const file = join(directory, `${name.replace(/\W/g, '-')}.mjs`)
    writeFileSync(file, code)
    return file
  })
  const args = [...options, '--input-type=module', '--eval', program, '--', ...files]
  const outcome = await runProgram(node, args, { cwd: directory, ...(env && { env }) })
  if (outcome.code !== 0) throw new Error(`The READMEs' examples failed.\n${lastWords(outcome)}`)
  return JSON.parse(outcome.stdout.slice(outcome.stdout.lastIndexOf('\0') + 1))
}
