import { readFileSync } from 'node:fs'
import { inWorkspace } from './workspace.mjs'

/**
 * The commands that docs/results.md says its figures are of.
 * @returns {{ args: string[], file: string, before: string[][] }[]} arguments of `headwater`, the name of the JSON that it writes, and
 * the words of the commands on the lines right before it, which make the log that it reads
 */
export function resultCommands() {
  const found = []
  /** @type {string[][]} */
  let before = []
  for (const line of readFileSync(inWorkspace('docs/results.md'), 'utf8').split('\n')) {
    const [, args, file] = /^npx headwater (evaluate .*--json (\S+\.json))$/.exec(line) ?? []
    if (args !== undefined) found.push({ args: args.split(' '), file, before })
    before = args === undefined && /^(node|npx headwater init) /.test(line) ? [...before, line.split(' ')] : []
  }
  return found
}
