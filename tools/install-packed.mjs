import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { runNpm } from './dependencies.mjs'
import { publicPackages, withDependencies } from './public-packages.mjs'
import { lastWords } from './run-program.mjs'
import { inWorkspace } from './workspace.mjs'

/**
 * Installs packed packages into a folder outside the workspace, as another project would.
 * @param {string} directory made where it is missing; what its manifest names is installed too
 * @param {ReadonlyMap<string, string>} tarballs paths by name, of everything
 * @param {readonly string[]} names of packages; what they need of ours comes along
 * @param {readonly string[]} [others] as npm names them
 */
export async function installPacked(directory, tarballs, names, others = []) {
  mkdirSync(directory, { recursive: true })
  const manifest = join(directory, 'package.json')
  // With a version, which `npm sbom` asks for.
  const own = { name: 'project', version: '1.0.0', private: true, type: 'module' }
  if (!existsSync(manifest)) writeFileSync(manifest, JSON.stringify(own))
  const ours = [...withDependencies(publicPackages(), names)].map((name) => tarballs.get(name) ?? name)
  // Whatever NODE_ENV is: Vite sets it where it has built in this process.
  const args = ['install', '--include=dev', '--prefer-offline', '--no-audit', '--no-fund', ...ours, ...others]
  const outcome = await runNpm(args, directory)
  if (outcome.code !== 0) throw new Error(`npm install of ${names.join(', ')} failed.\n${lastWords(outcome)}`)
}

/** Our packages that an example's manifest names. @param {string} name of a folder of `examples` */
export function packagesOfExample(name) {
  const text = readFileSync(inWorkspace(`examples/${name}/package.json`), 'utf8')
  const { dependencies, devDependencies } = JSON.parse(text)
  return Object.keys({ ...dependencies, ...devDependencies }).filter((each) => each.startsWith('@headwater/'))
}

/**
 * Takes an example along: what is in its folder, with what its manifest names and nothing else.
 * @param {string} name of a folder of `examples`
 * @param {string} place folder for its folder
 * @param {ReadonlyMap<string, string>} tarballs
 * @returns {Promise<string>} where it is
 */
export async function installExample(name, place, tarballs) {
  const from = inWorkspace(`examples/${name}`)
  const to = join(place, name)
  cpSync(from, to, { recursive: true, filter: (path) => !/^(node_modules|public|dist)/.test(relative(from, path)) })
  await installPacked(to, tarballs, packagesOfExample(name))
  return to
}
