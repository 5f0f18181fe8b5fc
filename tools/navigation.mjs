// The order in which the site shows pages: docs/navigation.json.
import { readFileSync } from 'node:fs'
import { allPages } from './pages.mjs'
import { inWorkspace } from './workspace.mjs'

/**
 * @typedef {object} Group
 * @property {string} title
 * @property {readonly string[]} pages paths from the root of the workspace
 * @property {boolean} api whether the pages that are made of the packages' sources stand here
 */
/** @typedef {{ title: string, groups: readonly Group[] }} Section a group without a title is the section's own pages */
/** @typedef {{ title: string, pages?: string[], api?: boolean }} WrittenGroup */

/** @returns {readonly Section[]} patterns resolved: `*` is part of a name, `**` any folders */
export function navigation() {
  const pages = allPages()
  /** @type {(WrittenGroup & { groups?: WrittenGroup[] })[]} */
  const written = JSON.parse(readFileSync(inWorkspace('docs/navigation.json'), 'utf8'))
  return written.map(({ title, groups, pages: own = [] }) => ({
    title,
    groups: (groups ?? [/** @type {WrittenGroup} */ ({ title: '', pages: own })]).map(
      ({ title, pages: patterns = [], api = false }) => ({
        title,
        pages: patterns.flatMap((pattern) => matching(pattern, pages)),
        api,
      }),
    ),
  }))
}

/** All pages that it names, in its order. */
export const navigatedPages = () => navigation().flatMap(({ groups }) => groups.flatMap(({ pages }) => pages))

/**
 * A README stands before the other pages of its folder.
 * @param {string} pattern @param {readonly string[]} pages @returns {string[]} the pattern itself where it has no `*`
 */
function matching(pattern, pages) {
  if (!pattern.includes('*')) return [pattern]
  const source = pattern
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replace(/\*\*\/|\*/g, (stars) => (stars === '*' ? '[^/]*' : '(?:[^/]+/)*'))
  const found = pages.filter((page) => new RegExp(`^${source}$`).test(page))
  const isFirst = (/** @type {string} */ page) => page === pattern.replace('*.md', 'README.md')
  return [...found.filter(isFirst), ...found.filter((page) => !isFirst(page))]
}
