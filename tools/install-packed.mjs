import { mkdirSync, writeFileSync } from 'node:fs'
import { runNpm } from './dependencies.mjs'
import { publicPackages, withDependencies } from './public-packages.mjs'
import { lastWords } from './run-program.mjs'

/**
 * Installs packed packages into an empty folder, as another project would.
 * @param {string} directory made
 * @param {ReadonlyMap<string, string>} tarballs paths by name, of everything
 * @param {readonly string[]} names of packages; what they need of ours comes along
 * @param {readonly string[]} [others] as npm names them
 */
export async function installPacked(directory, tarballs, names, others = []) {
  mkdirSync(directory, { recursive: true })
  writeFileSync(`${directory}/package.json`, '{ "private": true, "type": "module" }\n')
  const own = [...withDependencies(publicPackages(), names)].map((name) => tarballs.get(name) ?? name)
  const outcome = await runNpm(['install', '--prefer-offline', '--no-audit', '--no-fund', ...own, ...others], directory)
  if (outcome.code !== 0) throw new Error(`npm install of ${names.join(', ')} failed.\n${lastWords(outcome)}`)
}
