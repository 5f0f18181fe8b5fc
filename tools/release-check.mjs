// `npx nx run tools:release-check`: a release without its last step. What the next version would write, what `npm publish` would send,
// an SBOM of what `headwater` installs, in .cache/release/sbom.cdx.json, and its licences.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runNpm } from './dependencies.mjs'
import { installPacked } from './install-packed.mjs'
import { isAccepted } from './licences.mjs'
import { packPackages } from './pack.mjs'
import { plannedRelease } from './release.mjs'
import { lastWords } from './run-program.mjs'
import { cacheDirectory, inWorkspace } from './workspace.mjs'

const { version } = JSON.parse(readFileSync(inWorkspace('package.json'), 'utf8'))
const [major, minor] = version.split('.').map(Number)
const next = `${major}.${minor + 1}.0`
const say = (/** @type {string} */ line) => process.stdout.write(`${line}\n`)
const place = mkdtempSync(join(tmpdir(), 'headwater-release-check-'))
try {
  const planned = plannedRelease(next)
  const entries = planned.get(inWorkspace('CHANGELOG.md'))?.match(/^- /gm)?.length ?? 0
  say(`Version ${next} would write ${planned.size - 1} manifests and ${entries} lines of CHANGELOG.md.`)

  const tarballs = await packPackages(join(place, 'packed'))
  for (const [name, tarball] of tarballs) {
    const sent = await npm(['publish', tarball, '--dry-run', '--access', 'public', '--json'], place)
    const { entryCount, size } = JSON.parse(sent)[name]
    say(`${name}@${version}: ${entryCount} files, ${(size / 1e3).toFixed(0)} kB`)
  }

  const project = join(place, 'project')
  await installPacked(project, tarballs, ['headwater'])
  const text = await npm(['sbom', '--sbom-format', 'cyclonedx', '--omit', 'dev'], project)
  /** @type {{ components: { name: string, version: string, licenses?: { license?: { id?: string, name?: string }, expression?: string }[] }[] }} */
  const { components } = JSON.parse(text)
  const refused = components.filter(({ licenses = [] }) => {
    const named = licenses.map(({ license, expression }) => expression ?? license?.id ?? license?.name ?? '')
    return named.length === 0 || !named.every(isAccepted)
  })
  const release = join(cacheDirectory, 'release')
  mkdirSync(release, { recursive: true })
  writeFileSync(join(release, 'sbom.cdx.json'), text)
  say(`headwater installs ${components.length} packages: ${join(release, 'sbom.cdx.json')}`)
  for (const { name, version, licenses } of refused) say(`Licence of ${name}@${version}: ${JSON.stringify(licenses)}`)
  say(refused.length === 0 ? 'Release: ready' : `Release: ${refused.length} licences to look at`)
  process.exitCode = refused.length === 0 ? 0 : 1
} finally {
  rmSync(place, { recursive: true, force: true })
}

/** @param {readonly string[]} args @param {string} cwd */
async function npm(args, cwd) {
  const outcome = await runNpm(args, cwd)
  if (outcome.code !== 0) throw new Error(`npm ${args.slice(0, 2).join(' ')} failed.\n${lastWords(outcome)}`)
  return outcome.stdout
}
