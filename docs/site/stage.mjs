// Pages as VitePress reads them: each in its place of the site, with links that lead to places of the site.
import { cpSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { navigation } from '../../tools/navigation.mjs'
import { readPage, targetOf, titleOf } from '../../tools/pages.mjs'
import { inWorkspace } from '../../tools/workspace.mjs'
import { addressOf, home, navigationFile, pagesDirectory, placeOf } from './places.mjs'

/** @typedef {{ text: string, link: string }} Entry */
/** @typedef {{ title: string, groups: { title: string, entries: Entry[] }[] }} ShownSection */

/**
 * Writes all pages that the navigation names, what they show and link to, and the navigation.
 * @param {readonly Entry[]} api pages that are made of the packages' sources
 */
export function stage(api) {
  const sections = navigation()
  const named = sections.flatMap(({ groups }) => groups.flatMap(({ pages }) => pages))
  const staged = new Set([home, ...named])
  for (const page of staged) write(placeOf(page), staging(page, staged))
  const shown = sections.map(({ title, groups }) => ({
    title,
    groups: groups.map(({ title, pages, api: hasApi }) => ({
      title,
      entries: hasApi ? [...api] : pages.map(entryOf),
    })),
  }))
  mkdirSync(dirname(navigationFile), { recursive: true })
  writeFileSync(navigationFile, JSON.stringify(/** @type {ShownSection[]} */ (shown)))
  return staged.size
}

/** @param {string} page @returns {Entry} */
function entryOf(page) {
  const title = titleOf(readPage(page).prose)
  const number = /^docs\/decisions\/0*(\d+)-/.exec(page)?.[1]
  return { text: number === undefined ? title : `${number}. ${title}`, link: addressOf(placeOf(page)) }
}

/** @param {string} page @param {ReadonlySet<string>} staged */
function staging(page, staged) {
  const text = readFileSync(inWorkspace(page), 'utf8')
  // Blocks of code are left as they are: a part between two of them is prose.
  const parts = text.split(/^( *(?:```|~~~)[^\n]*\n[\s\S]*?^ *(?:```|~~~) *$)/m)
  return parts.map((part, i) => (i % 2 === 1 ? part : prose(part, page, staged))).join('')
}

/** @param {string} text @param {string} page @param {ReadonlySet<string>} staged */
function prose(text, page, staged) {
  return text.replace(
    /(!?)\[((?:[^[\]]|\[[^\]]*\])*)\]\((?!https?:)([^)#\s]+)(#[^)\s]*)?\)/g,
    (_, mark, label, path, anchor) => {
      const target = targetOf(page, path)
      const place = destination(target, staged)
      // The home page stands for the README, and has other headings.
      const entered = target === 'README.md' ? '' : (anchor ?? '')
      return place === null ? label : `${mark}[${label}](${place}${entered})`
    },
  )
}

/**
 * Where a link leads on the site. A file that is no page of it is copied, a source as plain text.
 * @param {string} target a path of the repository @param {ReadonlySet<string>} staged
 * @returns {string | null} null for a folder without a page: there is nothing to show
 */
function destination(target, staged) {
  const page = [target, `${target}/README.md`].find((path) => staged.has(path) || path === 'README.md')
  if (page !== undefined) return `/${placeOf(page)}`
  const file = inWorkspace(target)
  if (!existsSync(file) || statSync(file).isDirectory()) return null
  const isText = !/\.(json|svg|png|webp)$/.test(target)
  const address = posix.join('files', isText ? `${target}.txt` : target)
  cpSync(file, join(pagesDirectory, 'public', address))
  return `/${address}`
}

/** @param {string} place @param {string} text */
function write(place, text) {
  const path = join(pagesDirectory, place)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}
