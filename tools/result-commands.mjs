import { readFileSync } from 'node:fs'
import { inWorkspace } from './workspace.mjs'

/**
 * The commands that docs/results.md says its figures are of.
 * @returns {{ args: string[], file: string }[]} arguments of `headwater`, and the name of the JSON that it writes
 */
export function resultCommands() {
  const text = readFileSync(inWorkspace('docs/results.md'), 'utf8')
  return [...text.matchAll(/^npx headwater (evaluate .*--json (\S+\.json))$/gm)].map(([, args, file]) => ({
    args: args.split(' '),
    file,
  }))
}
