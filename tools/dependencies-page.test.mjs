// docs/dependencies.md against the manifests, and the licences of what the lock file installs with the packages.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { isAccepted } from './licences.mjs'
import { allManifests } from './manifests.mjs'
import { inWorkspace } from './workspace.mjs'

/** What makes the site has a lock file of its own, and is listed on the same page. */
const site = JSON.parse(readFileSync(inWorkspace('docs/site/package.json'), 'utf8'))
const manifests = [...allManifests().values(), site]
const own = new Set(manifests.map(({ name }) => name))

test('docs/dependencies.md has a line for each dependency, with the packages that have it, and for nothing else', () => {
  const page = readFileSync(inWorkspace('docs/dependencies.md'), 'utf8')
  const [shipped, forDevelopment] = page
    .split('## For development alone')
    .map((part) => [...part.matchAll(/^\| `([^`]+)` +\| (?:(\S.*?) +\| )?\S.*? +\|$/gm)])
  /** @type {Record<string, string[]>} */
  const installed = {}
  const all = new Set()
  for (const { name, private: isPrivate, dependencies, peerDependencies, devDependencies } of manifests) {
    const others = Object.keys({ ...dependencies, ...peerDependencies }).filter((other) => !own.has(other))
    for (const other of [...others, ...Object.keys(devDependencies ?? {})]) if (!own.has(other)) all.add(other)
    const short = `\`${name.replace('@headwater/', '')}\``
    for (const other of isPrivate ? [] : others) installed[other] = [...(installed[other] ?? []), short]
  }
  expect(shipped.map(([, name, packages]) => [name, packages.split(', ')])).toEqual(
    Object.entries(installed)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, packages]) => [name, packages.sort()]),
  )
  expect(forDevelopment.map(([, name]) => name).sort()).toEqual([...all].filter((name) => !(name in installed)).sort())
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
