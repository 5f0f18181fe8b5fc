// `npx nx run tools:release-check`: what a release needs besides its dry run, `tools:release-dry-run`, which Nx runs before: an SBOM of what
// `headwater` installs, in .cache/release/sbom.cdx.json, and its licences.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runNpm } from './dependencies.mjs'
import { installPacked } from './install-packed.mjs'
import { isAccepted } from './licences.mjs'
import { packPackages } from './pack.mjs'
import { lastWords } from './run-program.mjs'
import { cacheDirectory } from './workspace.mjs'

const say = (/** @type {string} */ line) => process.stdout.write(`${line}\n`)
const place = mkdtempSync(join(tmpdir(), 'headwater-release-check-'))
try {
  const tarballs = await packPackages(join(place, 'packed'), ['headwater'])
  const project = join(place, 'project')
  await installPacked(project, tarballs, ['headwater'])
  const outcome = await runNpm(['sbom', '--sbom-format', 'cyclonedx', '--omit', 'dev'], project)
  if (outcome.code !== 0) throw new Error(`npm sbom failed.\n${lastWords(outcome)}`)
  /** @type {{ components: { name: string, version: string, licenses?: { license?: { id?: string, name?: string }, expression?: string }[] }[] }} */
  const { components } = JSON.parse(outcome.stdout)
  const refused = components.filter(({ licenses = [] }) => {
    const named = licenses.map(({ license, expression }) => expression ?? license?.id ?? license?.name ?? '')
    return named.length === 0 || !named.every(isAccepted)
  })
  const release = join(cacheDirectory, 'release')
  mkdirSync(release, { recursive: true })
  writeFileSync(join(release, 'sbom.cdx.json'), outcome.stdout)
  say(`headwater installs ${components.length} packages: ${join(release, 'sbom.cdx.json')}`)
  for (const { name, version, licenses } of refused) say(`Licence of ${name}@${version}: ${JSON.stringify(licenses)}`)
  say(refused.length === 0 ? 'Release: ready' : `Release: ${refused.length} licences to look at`)
  process.exitCode = refused.length === 0 ? 0 : 1
} finally {
  rmSync(place, { recursive: true, force: true })
}
