import { execFileSync } from 'node:child_process'
import { closeSync, cpSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { changelogSection } from './changelog.mjs'
import { allManifests, ownNames, withVersion } from './manifests.mjs'
import { npmPackages } from './package-files.mjs'
import { publicPackages } from './public-packages.mjs'
import { inWorkspace } from './workspace.mjs'

const manifests = [...allManifests().keys()].map((path) => relative(inWorkspace('.'), path))
const { version } = JSON.parse(readFileSync(inWorkspace('package.json'), 'utf8'))
/** What has the version besides. */
const lockAndPython = ['package-lock.json', 'packages/python/pyproject.toml']
const nx = JSON.parse(readFileSync(inWorkspace('nx.json'), 'utf8'))

/** A repository with the manifests and tools of this one, and a history that is planted. */
const place = mkdtempSync(join(tmpdir(), 'headwater-release-'))
/** Without what Nx tells the tasks that it runs: this may be one. */
const own = Object.entries(process.env).filter(([name]) => !name.startsWith('NX_'))
const env = { ...Object.fromEntries(own), NO_COLOR: '1' }

beforeAll(() => {
  const kept = ['nx.json', ...lockAndPython, '*package.json', '*project.json', 'tools/*']
  const asked = ['ls-files', '--cached', '--others', '--exclude-standard', ...kept]
  for (const path of git(asked, inWorkspace('.')).split('\n')) cpSync(inWorkspace(path), join(place, path))
  symlinkSync(inWorkspace('node_modules'), join(place, 'node_modules'), 'junction')

  git(['init', '--quiet', '--initial-branch=main'])
  git(['config', 'user.name', 'Someone'])
  git(['config', 'user.email', 'someone@example.com'])
  git(['config', 'commit.gpgsign', 'false'])
  writeFileSync(join(place, '.git/info/exclude'), 'node_modules\n.nx\n')
  git(['add', '--all'])
  git(['commit', '--quiet', '-m', 'client: what was released before'])
  git(['tag', `v${version}`])
  for (const subject of ['tools: quicker', 'store, docs: smaller', 'bench, docs: new figures', 'client: a b: c'])
    git(['commit', '--quiet', '--allow-empty', '-m', subject])
})

afterAll(() => rmSync(place, { recursive: true, force: true }))

test('the dry run of nx release shows the version in every manifest and the lock file, and the subjects, and writes nothing', () => {
  const said = release('9.8.7', '--dry-run')
  const [, ...updates] = said.split(/^UPDATE /m)
  const shown = new Map(updates.map((update) => [update.split(' ')[0], update]))
  expect([...shown.keys()].sort()).toEqual([...manifests, ...lockAndPython].sort())
  for (const [path, update] of shown) expect(update, path).toMatch(/^\+ .*"9\.8\.7"/m)
  expect(shown.get('bench/package.json')).toMatch(/^\+ +"headwater": "9\.8\.7"/m)
  expect(said).toMatch(
    /^\+ ## 9\.8\.7, \d{4}-\d\d-\d\d\n\+\s*\n\+ - \*\*client\*\*: a b: c\n\+ - \*\*store, docs\*\*: smaller$/m,
  )
  expect(said).not.toMatch(/quicker|new figures|released before/)
  expect(git(['status', '--porcelain'])).toBe('')
})

test('references of others keep their version', () => {
  const manifest = { name: 'a', version: '0.1.0', dependencies: { b: '0.1.0', other: '0.1.0' }, files: ['0.1.0'] }
  expect(withVersion(manifest, '0.2.0', new Set(['a', 'b']))).toEqual({
    name: 'a',
    version: '0.2.0',
    dependencies: { b: '0.2.0', other: '0.1.0' },
    files: ['0.1.0'],
  })
})

test('every package of ours has the one version, and those for others a target that publishes them', () => {
  const own = ownNames()
  for (const [path, manifest] of allManifests()) expect(withVersion(manifest, version, own), path).toEqual(manifest)
  for (const [folder, { nx: project }] of publicPackages())
    expect(/** @type {{ targets: object }} */ (project).targets, folder).toHaveProperty('nx-release-publish')
})

test('the areas that Nx hands to the changelog are the packages', () => {
  const areas = [...npmPackages().filter((name) => name !== 'testkit'), 'examples', 'packages', 'python', '__INVALID__']
  expect(Object.keys(nx.release.conventionalCommits.types).sort()).toEqual(areas.sort())
})

test('the changelog has what changed for users, by area', () => {
  const subjects = ['tools: quicker', 'store, docs: smaller', 'Merge x', 'client: a b: c']
  expect(changelogSection('1.0.0', '2026-01-02', subjects)).toBe(
    '## 1.0.0, 2026-01-02\n\n- **client**: a b: c\n- **store, docs**: smaller\n',
  )
})

/** @param {readonly string[]} words @param {string} [cwd] */
function git(words, cwd = place) {
  return execFileSync('git', words, { cwd, encoding: 'utf8' }).trim()
}

/** What it said, both streams in the order of what they got. @param {readonly string[]} words */
function release(...words) {
  const path = join(place, '.git/said')
  const said = openSync(path, 'w')
  try {
    const args = [join(place, 'node_modules/nx/dist/bin/nx.js'), 'release', ...words]
    execFileSync(process.execPath, args, { cwd: place, env, stdio: ['ignore', said, said] })
  } catch (error) {
    throw new Error(readFileSync(path, 'utf8'), { cause: error })
  } finally {
    closeSync(said)
  }
  return readFileSync(path, 'utf8')
}
