// docs/dependencies.md against the manifests, and the licences of what the lock file installs with the packages.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { isAccepted } from './licences.mjs'
import { allManifests } from './manifests.mjs'
import { inWorkspace } from './workspace.mjs'

const manifests = [...allManifests().values()]
const own = new Set(manifests.map(({ name }) => name))
/** @param {(manifest: typeof manifests[number]) => readonly ({} | undefined)[]} fields */
const named = (fields) =>
  new Set(manifests.flatMap((manifest) => fields(manifest).flatMap((field) => Object.keys(field ?? {}))))

test('docs/dependencies.md has a line for each dependency, and for nothing else', () => {
  const page = readFileSync(inWorkspace('docs/dependencies.md'), 'utf8')
  const [shipped, forDevelopment] = page.split('## For development alone').map((part) => {
    const rows = [...part.matchAll(/^\| `([^`]+)` +\| (?:.+\| )?(\S.*?) +\|$/gm)]
    return rows.map(([, name]) => name)
  })
  const installed = named(({ private: isPrivate, dependencies, peerDependencies }) =>
    isPrivate ? [] : [dependencies, peerDependencies],
  )
  const all = named(({ dependencies, peerDependencies, devDependencies }) => [
    dependencies,
    peerDependencies,
    devDependencies,
  ])
  const others = (/** @type {Set<string>} */ names) => [...names].filter((name) => !own.has(name)).sort()
  expect(shipped.sort()).toEqual(others(installed))
  expect(forDevelopment.sort()).toEqual(others(all).filter((name) => !installed.has(name)))
})

test('what is installed with the packages has licences that go with ours', () => {
  /** @type {{ packages: Record<string, { license?: string, dev?: boolean, link?: boolean }> }} */
  const { packages } = JSON.parse(readFileSync(inWorkspace('package-lock.json'), 'utf8'))
  const refused = Object.entries(packages).filter(
    ([path, { license, dev, link }]) =>
      path.startsWith('node_modules/') && !dev && !link && !isAccepted(license ?? 'none'),
  )
  expect(refused).toEqual([])
})

test.each([
  ['MIT', true],
  ['(MIT AND Zlib)', true],
  ['(MIT OR GPL-3.0-only)', true],
  ['MIT AND GPL-3.0-only', false],
  ['UNLICENSED', false],
])('%s is accepted: %s', (expression, isIt) => {
  expect(isAccepted(expression)).toBe(isIt)
})
