// `npx nx run tools:release -- VERSION`: gives all packages one version, the lock file too, and the changelog a section made of the
// subjects since the last release. It commits and publishes nothing; what is left to do it prints.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { changelogSection } from './changelog.mjs'
import { runNpm } from './dependencies.mjs'
import { allManifests } from './manifests.mjs'
import { lastWords } from './run-program.mjs'
import { inWorkspace } from './workspace.mjs'

const changelog = inWorkspace('CHANGELOG.md')
const heading = '# Changelog\n\n'

/** @param {readonly string[]} words */
const git = (...words) => execFileSync('git', words, { cwd: inWorkspace('.'), encoding: 'utf8' }).trim()

/**
 * What a release writes, by path.
 * @param {string} version
 * @returns {Map<string, string>}
 * @throws RangeError
 */
export function plannedRelease(version) {
  if (!/^\d+\.\d+\.\d+(-[0-9a-z.]+)?$/.test(version))
    throw new RangeError(`"${version}" is no version: give one as 0.2.0.`)
  const tags = git('tag', '--list', 'v*', '--sort=-version:refname').split('\n').filter(Boolean)
  if (tags.includes(`v${version}`)) throw new RangeError(`${version} is released: the tag v${version} exists.`)
  const subjects = git('log', '--format=%s', '--no-merges', ...(tags.length > 0 ? [`${tags[0]}..HEAD`] : []))

  const manifests = allManifests()
  const own = new Set([...manifests.values()].map(({ name }) => name))
  /** @param {Record<string, string>} ranges */
  const raised = (ranges) =>
    Object.fromEntries(Object.entries(ranges).map(([name, range]) => [name, own.has(name) ? version : range]))
  const files = [...manifests].map(([path, manifest]) => {
    const written = Object.entries(manifest).map(([field, value]) => {
      if (field === 'version') return [field, version]
      return [field, /ependencies$/.test(field) ? raised(/** @type {Record<string, string>} */ (value)) : value]
    })
    return /** @type {[string, string]} */ ([path, `${JSON.stringify(Object.fromEntries(written), null, 2)}\n`])
  })
  const before = existsSync(changelog) ? readFileSync(changelog, 'utf8').slice(heading.length) : ''
  const section = changelogSection(version, new Date().toISOString().slice(0, 10), subjects.split('\n'))
  return new Map([...files, [changelog, [heading + section, before].filter(Boolean).join('\n')]])
}

if (process.argv[1] === import.meta.filename) {
  const [version] = process.argv.slice(2)
  if (version === undefined) throw new RangeError('Name the version.')
  if (git('status', '--porcelain') !== '')
    throw new RangeError('There are changes that are not committed: commit them first.')
  for (const [path, text] of plannedRelease(version)) writeFileSync(path, text)
  const outcome = await runNpm(['install', '--package-lock-only', '--prefer-offline'])
  if (outcome.code !== 0) throw new Error(`npm install --package-lock-only failed.\n${lastWords(outcome)}`)
  process.stdout.write(`Version ${version} is written. Read CHANGELOG.md, then:

    npm test && npx nx run tools:pack-check && npx nx run tools:release-check
    git commit -am "release: ${version}" && git tag v${version}
    npx nx run tools:pack -- tarballs && for each in ./tarballs/*.tgz; do npm publish "$each" --access public; done
`)
}
