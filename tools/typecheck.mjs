import { runProgram } from './run-program.mjs'
import { inWorkspace } from './workspace.mjs'

/**
 * All packages, examples and benches at once, so that a source which many import is read and checked once, and what has
 * options of its own. `nx typecheck` checks each package by itself.
 */
export const checkedProjects = [
  'tsconfig.check.json',
  'packages/service/console',
  'examples/browser',
  'tools',
  'docs/site',
]

/** Typechecks the workspace. @returns {Promise<string>} what the compiler said; empty where all is well */
export async function typecheck() {
  let said = ''
  // One after another: each is parallel inside.
  for (const project of checkedProjects) {
    const args = [inWorkspace('node_modules/typescript/bin/tsc'), '-p', project, '--pretty', 'false']
    const { code, stdout, stderr } = await runProgram(process.execPath, args, { cwd: inWorkspace('.') })
    if (code !== 0) said += stdout + stderr
  }
  return said
}
