import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runNpm } from './dependencies.mjs'
import { lastWords } from './run-program.mjs'

/** What packages and tests run on: the oldest of `engines`, and the lines that are maintained beside it. */
export const nodeVersions = ['20.12', '22', '24']

/**
 * Brings a Node of the registry: what its package `node` installs by a script, which npm may be told not to run.
 * @param {string} version @param {string} directory for it
 * @returns {Promise<string>} path of the program
 */
export async function bringNode(version, directory) {
  const { platform, arch } = process
  const name = `node-${platform === 'win32' ? 'win' : platform}-${arch}`
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, 'package.json'), '{ "private": true }\n')
  const outcome = await runNpm(
    ['install', '--prefer-offline', '--no-audit', '--no-fund', `${name}@${version}`],
    directory,
  )
  if (outcome.code !== 0) throw new Error(`Node ${version} cannot be brought.\n${lastWords(outcome)}`)
  return join(directory, 'node_modules', name, platform === 'win32' ? 'node.exe' : 'bin/node')
}
