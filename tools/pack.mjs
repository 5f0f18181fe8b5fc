// `npx nx run tools:pack -- DIRECTORY [PACKAGES]`: builds and packs the packages named, with all of the workspace that they
// need, or every one: tarballs that npm installs.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { runNpm } from './dependencies.mjs'
import { packedManifest, packedReadme, publicPackages, withDependencies } from './public-packages.mjs'
import { lastWords } from './run-program.mjs'
import { cacheDirectory, inWorkspace } from './workspace.mjs'

/** Where packages stand as they are packed. */
const staged = join(cacheDirectory, 'packed')

/**
 * @param {string} directory where the tarballs go; made where it is missing
 * @param {readonly string[]} [names] of packages; all without
 * @returns {Promise<Map<string, string>>} paths of the tarballs by the packages' names
 */
export async function packPackages(directory, names) {
  const packages = publicPackages()
  const wanted = withDependencies(packages, names ?? [...packages.values()].map(({ name }) => name))
  const chosen = [...packages].filter(([, { name }]) => wanted.has(name))
  await run(['exec', '--no', '--', 'nx', 'run-many', '-t', 'build', '-p', chosen.map(([folder]) => folder).join(',')])
  return packBuilt(directory, chosen)
}

/**
 * Packs packages whose `dist` is there.
 * @param {string} directory where the tarballs go; made where it is missing
 * @param {readonly (readonly [folder: string, import('./public-packages.mjs').Manifest])[]} chosen by their folders of `packages`
 * @returns {Promise<Map<string, string>>} paths of the tarballs by the packages' names
 */
export async function packBuilt(directory, chosen) {
  mkdirSync(directory, { recursive: true })
  for (const [folder, manifest] of chosen) stage(folder, manifest)
  await run(['pack', '--pack-destination', directory, ...chosen.map(([folder]) => join(staged, folder))])
  return new Map(
    chosen.map(([, { name, version }]) => [
      name,
      join(directory, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`),
    ]),
  )
}

/** @param {string} folder of `packages` @param {import('./public-packages.mjs').Manifest} manifest */
function stage(folder, manifest) {
  const from = inWorkspace(`packages/${folder}`)
  const to = join(staged, folder)
  rmSync(to, { recursive: true, force: true })
  mkdirSync(to, { recursive: true })
  for (const name of manifest.files ?? [])
    if (existsSync(join(from, name))) cpSync(join(from, name), join(to, name), { recursive: true })
  writeFileSync(join(to, 'README.md'), packedReadme(readFileSync(join(from, 'README.md'), 'utf8')))
  cpSync(inWorkspace('LICENSE'), join(to, 'LICENSE'))
  writeFileSync(join(to, 'package.json'), `${JSON.stringify(packedManifest(manifest), null, 2)}\n`)
}

/** @param {readonly string[]} args */
async function run(args) {
  const outcome = await runNpm(args)
  if (outcome.code !== 0) throw new Error(`npm ${args.slice(0, 6).join(' ')} failed.\n${lastWords(outcome)}`)
}

if (process.argv[1] === import.meta.filename) {
  const [directory, ...names] = process.argv.slice(2)
  if (directory === undefined) throw new RangeError('Name the directory for the tarballs.')
  const to = resolve(process.env.INIT_CWD ?? '.', directory)
  const tarballs = await packPackages(to, names.length > 0 ? names : undefined)
  process.stdout.write(`${[...tarballs.values()].join('\n')}\n`)
}
