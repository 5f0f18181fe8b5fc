// The reference of the public packages, a page each entry, made of their sources by TypeDoc.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { publicPackages } from '../../tools/public-packages.mjs'
import { lastWords, runProgram } from '../../tools/run-program.mjs'
import { inWorkspace } from '../../tools/workspace.mjs'
import { addressOf, inSite, modulesFile, pagesDirectory } from './places.mjs'

const optionsFile = inSite('.cache/typedoc.json')
const projectFile = inSite('.cache/tsconfig.json')
const sourceCondition = '@headwater/source'

/** Sources of what others may import, by the name that they import. @returns {Map<string, string>} */
function entries() {
  /** @type {Map<string, string>} */
  const found = new Map()
  for (const [folder, { name, exports = {} }] of publicPackages())
    for (const [path, targets] of Object.entries(exports)) {
      const source = typeof targets === 'object' ? targets[sourceCondition] : undefined
      const file = typeof source === 'object' ? source.node : source
      // What has no source is plain JavaScript, `main` starts the command, and `testing` is for tests.
      if (typeof file !== 'string' || path === './main' || path.includes('*')) continue
      found.set(`${name}${path.slice(1)}`, `packages/${folder}/${file.replace('./', '')}`)
    }
  return found
}

/**
 * Writes the pages. @returns {Promise<{ text: string, link: string }[]>} one an entry
 * @throws Error with what TypeDoc said
 */
export async function writeApi() {
  const all = entries()
  mkdirSync(dirname(optionsFile), { recursive: true })
  const files = [...all.values()].map(inWorkspace)
  writeFileSync(modulesFile, JSON.stringify([...all.keys()].map((name, i) => ({ name, file: files[i] }))))
  writeFileSync(projectFile, JSON.stringify({ extends: inWorkspace('tsconfig.base.json'), files }))
  const options = {
    $schema: 'https://typedoc.org/schema.json',
    entryPoints: files,
    tsconfig: projectFile,
    plugin: ['typedoc-plugin-markdown', inSite('name-modules.mjs')],
    out: join(pagesDirectory, 'api'),
    name: 'API',
    readme: 'none',
    disableSources: true,
    disableGit: true,
    excludePrivate: true,
    excludeInternal: true,
    skipErrorChecking: true,
    validation: false,
    logLevel: 'Warn',
    entryFileName: 'index',
    outputFileStrategy: 'modules',
    hidePageHeader: true,
    hideBreadcrumbs: true,
    useCodeBlocks: true,
    sanitizeComments: true,
    parametersFormat: 'table',
    interfacePropertiesFormat: 'table',
    typeDeclarationFormat: 'table',
    textContentMappings: { 'title.indexPage': 'API', 'title.modulePage': '{name}' },
  }
  writeFileSync(optionsFile, JSON.stringify(options, null, 2))
  const program = inSite('node_modules/typedoc/bin/typedoc')
  const outcome = await runProgram(process.execPath, [program, '--options', optionsFile], { cwd: inSite('.') })
  if (outcome.code !== 0) throw new Error(`TypeDoc failed.\n${lastWords(outcome)}`)
  // A namespace has a page of its own, which the page of its module leads to.
  const places = pagesIn(join(pagesDirectory, 'api')).filter((place) => !place.includes('/namespaces/'))
  return places.map((place) => {
    const [, title] = /^# (.+)$/m.exec(readFileSync(join(pagesDirectory, place), 'utf8')) ?? []
    return { text: title.replaceAll('\\', '').replace('@headwater/', ''), link: addressOf(place) }
  })
}

/** @param {string} directory @returns {string[]} places, the index first */
function pagesIn(directory) {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.md'))
  return files
    .map((path) => `api/${path.replaceAll('\\', '/')}`)
    .sort((a, b) => Number(b === 'api/index.md') - Number(a === 'api/index.md') || (a < b ? -1 : 1))
}
