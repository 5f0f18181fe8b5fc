// Links of all pages lead to files and headings that there are, their blocks of code are what they say, each page of docs/ is one that
// the site leads to, and every threat of SECURITY.md has a test.
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { countWords } from '../docs/site/count-words.mjs'
import { addressOf, home, placeOf } from '../docs/site/places.mjs'
import { navigatedPages, navigation } from './navigation.mjs'
import { allPages, anchorsOf, headingAnchor, linksOf, parsePage, readPage, targetOf } from './pages.mjs'
import { inWorkspace } from './workspace.mjs'

const pages = new Map(allPages().map((path) => [path, readPage(path)]))
/** What a block says it is; one that says nothing is shown as it stands. */
const languages = ['', 'html', 'js', 'json', 'python', 'sh', 'sql', 'text', 'ts', 'wgsl', 'yaml']

/** All blocks of one language. @param {string} language */
const blocksOf = (language) =>
  [...pages].flatMap(([page, { blocks }]) =>
    blocks.filter((block) => block.language === language).map((block) => ({ page, ...block })),
  )

test('links of all pages lead to files and headings that there are', () => {
  const broken = [...pages].flatMap(([page, { prose }]) => {
    const lost = linksOf(prose).filter(({ path, anchor }) => {
      const target = targetOf(page, path)
      if (!existsSync(inWorkspace(target))) return true
      const entered = pages.get(target)
      return anchor !== undefined && entered !== undefined && !anchorsOf(entered.prose).includes(anchor)
    })
    return lost.map(({ link }) => page + link)
  })
  expect(broken).toEqual([])
})

test('the navigation names each page of docs/ once, and none that is not there', () => {
  const named = navigatedPages()
  expect(named.filter((page) => !pages.has(page))).toEqual([])
  expect(named.filter((page, i) => named.indexOf(page) !== i)).toEqual([])
  const lost = [...pages.keys()].filter((page) => page.startsWith('docs/') && page !== home && !named.includes(page))
  expect(lost, 'docs/navigation.json has no place for them').toEqual([])
  const titles = ['Tutorial', 'Guides', 'Concepts', 'Reference', 'Figures', 'Decisions']
  expect(navigation().map(({ title }) => title)).toEqual(titles)
  const places = named.map(placeOf)
  expect(new Set([...places, placeOf(home)]).size).toBe(places.length + 1)
})

test.each([
  ['docs/store.md', 'store.md', '/store.html'],
  ['docs/decisions/README.md', 'decisions/index.md', '/decisions/'],
  ['packages/store/README.md', 'packages/store.md', '/packages/store.html'],
  ['CONTRIBUTING.md', 'contributing.md', '/contributing.html'],
  [home, 'index.md', '/'],
])('%s is %s of the site, at %s', (page, place, address) => {
  expect(placeOf(page)).toBe(place)
  expect(addressOf(place)).toBe(address)
})

test('blocks of code are in languages that are known', () => {
  const unknown = [...pages].flatMap(([page, { blocks }]) =>
    blocks.filter(({ language }) => !languages.includes(language)).map(({ language, line }) => [page, line, language]),
  )
  expect(unknown).toEqual([])
})

test('blocks of JSON parse, as a whole or as members or elements of one', () => {
  expect(blocksOf('json').length).toBeGreaterThan(5)
  const broken = blocksOf('json').filter(({ text }) => ![text, `{${text}}`, `[${text}]`].some(parses))
  expect(broken).toEqual([])
})

test('targets of Nx that pages name are there', () => {
  const named = [...pages].flatMap(([page]) =>
    [...readFileSync(inWorkspace(page), 'utf8').matchAll(/\bnx run (\w[\w-]*):([\w-]+)/g)].map(
      ([, project, target]) => ({
        page,
        project,
        target,
      }),
    ),
  )
  expect(named.length).toBeGreaterThan(20)
  // PACKAGE stands for each of several.
  const lost = named.filter(({ project, target }) => project !== 'PACKAGE' && !targetsOf(project).includes(target))
  expect(lost).toEqual([])
})

test('a page is parted into prose and blocks, of which fences may be indented and longer', () => {
  const text = '# A `b`\n\n- c\n  ```sh\n  d\n    e\n  ```\n\n````text\n```\n````\n[f](g.md#h) [i](https://j)\n'
  const { prose, blocks } = parsePage(text)
  expect(blocks).toEqual([
    { language: 'sh', text: 'd\n  e', line: 4 },
    { language: 'text', text: '```', line: 9 },
  ])
  expect(prose.split('\n').length).toBe(text.split('\n').length)
  expect(linksOf(prose)).toEqual([{ link: '](g.md#h)', path: 'g.md', anchor: 'h' }])
  expect(anchorsOf(prose)).toEqual(['a-b'])
  expect(headingAnchor('What `headwater serve` [does](x.md): 2, 3')).toBe('what-headwater-serve-does-2-3')
})

test('words are those that are read', () => {
  const text =
    '# One two\n\n| three | – |\n| ----- | - |\n\n<!-- not -->[four `five`](not.md), six.\n\n```sh\nnot\n```\n- seven'
  expect(countWords(text)).toBe(7)
})

test('every threat that SECURITY.md says the service meets is held by a test', () => {
  const [, section] = /^## The service\n(.*?)^## /ms.exec(readPage('SECURITY.md').prose) ?? []
  const rows = section
    .split('\n')
    .filter((line) => /^\| [^-]/.test(line))
    .slice(1)
  expect(rows.length).toBeGreaterThan(5)
  for (const row of rows) expect(row.split('|').at(-2)).toMatch(/\.test\.ts\)/)
})

/** @param {string} text */
function parses(text) {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** Targets that a project has itself, or by nx.json. @param {string} project as Nx calls it */
function targetsOf(project) {
  const read = (/** @type {string} */ path) =>
    existsSync(inWorkspace(path)) ? JSON.parse(readFileSync(inWorkspace(path), 'utf8')) : {}
  const folder = ['tools', 'docs', 'bench'].includes(project) ? project : `packages/${project}`
  const own = { ...read(`${folder}/project.json`).targets, ...read(`${folder}/package.json`).nx?.targets }
  return Object.keys({ ...read('nx.json').targetDefaults, ...own })
}
