import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { inWorkspace } from './workspace.mjs'

/** @typedef {import('./public-packages.mjs').Manifest} Manifest */

/** Folders of the workspace that have a manifest, the examples' among them: '' is the root. */
const folders = ['', 'bench', ...['packages', 'examples'].flatMap((folder) => inFolder(folder))].filter((folder) =>
  existsSync(inWorkspace(`${folder}/package.json`)),
)

/** @param {string} folder */
function inFolder(folder) {
  return readdirSync(inWorkspace(folder)).map((name) => `${folder}/${name}`)
}

/** All manifests, by the paths of their files. @returns {Map<string, Manifest & { devDependencies?: Record<string, string> }>} */
export function allManifests() {
  const paths = folders.map((folder) => inWorkspace(`${folder}/package.json`))
  return new Map(paths.map((path) => [path, JSON.parse(readFileSync(path, 'utf8'))]))
}
