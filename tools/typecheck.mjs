import { existsSync, readdirSync } from 'node:fs'
import { runProgram } from './run-program.mjs'
import { inWorkspace } from './workspace.mjs'

/** Compilers run side by side; each is parallel inside as well. */
const atOnce = 2

/**
 * Typechecks every package and example, the console's page, bench and tools.
 * @returns {Promise<string>} what the compilers said; empty where all is well
 */
export async function typecheck() {
  /** @param {string} folder */
  const inside = (folder) => readdirSync(inWorkspace(folder)).map((name) => `${folder}/${name}`)
  const others = ['packages/pooling/console', 'bench', 'tools']
  const queue = [...inside('packages'), ...inside('examples'), ...others].filter((folder) =>
    existsSync(inWorkspace(`${folder}/tsconfig.json`)),
  )
  let said = ''
  const worker = async () => {
    for (let folder = queue.shift(); folder; folder = queue.shift()) {
      const { code, stdout, stderr } = await runProgram(
        process.execPath,
        [inWorkspace('node_modules/typescript/bin/tsc'), '-p', folder, '--pretty', 'false'],
        { cwd: inWorkspace('.') },
      )
      if (code !== 0) said += stdout + stderr
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return said
}
