// What tests, the site and the word count read of pages: links, headings, blocks of code.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { inWorkspace } from './workspace.mjs'

/**
 * @typedef {object} Block of code
 * @property {string} language as the fence names it; '' where it names none
 * @property {string} text
 * @property {number} line of the fence, from 1
 */
/** @typedef {{ prose: string, blocks: readonly Block[] }} Page lines of blocks are empty in `prose`, so that its lines keep their numbers */
/** @typedef {{ link: string, path: string, anchor: string | undefined }} Link `path` as it is written: '' for the page itself */

/** Paths of all pages that git knows or will. */
export function allPages() {
  const asked = ['ls-files', '--cached', '--others', '--exclude-standard', '*.md']
  const listed = execFileSync('git', asked, { cwd: inWorkspace('.'), encoding: 'utf8' }).split('\n')
  return listed.filter((path) => path !== '' && existsSync(inWorkspace(path))).sort()
}

/** @param {string} path */
export const readPage = (path) => parsePage(readFileSync(inWorkspace(path), 'utf8'))

/** Parts a page into prose and blocks of code. @param {string} text @returns {Page} */
export function parsePage(text) {
  /** @type {Block[]} */
  const blocks = []
  /** @type {{ indent: string, fence: string, language: string, line: number, lines: string[] } | null} */
  let open = null
  const prose = text.split('\n').map((line, i) => {
    const [, indent, fence, info] = /^( *)(`{3,}|~{3,})(.*)$/.exec(line) ?? []
    if (open === null) {
      if (fence === undefined || info.includes('`')) return line
      open = { indent, fence, language: info.trim().split(/\s/)[0], line: i + 1, lines: [] }
    } else if (fence?.startsWith(open.fence) && info.trim() === '') {
      blocks.push({ language: open.language, text: open.lines.join('\n'), line: open.line })
      open = null
    } else open.lines.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line)
    return ''
  })
  return { prose: prose.join('\n'), blocks }
}

/** The name that GitHub gives a heading in addresses; the site gives the same. @param {string} heading */
export const headingAnchor = (heading) =>
  heading
    .toLowerCase()
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')

/** What a page can be entered at: its headings, and names of its own. @param {string} prose */
export function anchorsOf(prose) {
  const headings = [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => headingAnchor(heading))
  return [...headings, ...[...prose.matchAll(/<a id="([^"]+)">/g)].map(([, id]) => id)]
}

/** A page's first heading, without marks. @param {string} prose */
export const titleOf = (prose) => (/^# (.+)$/m.exec(prose)?.[1] ?? '').replaceAll('`', '')

/** Links of a page, but for those to other hosts. @param {string} prose @returns {Link[]} */
export const linksOf = (prose) =>
  [...prose.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)].map(([link, path, anchor]) => ({
    link,
    path,
    anchor,
  }))

/** Where a page's link leads, from the root of the workspace. @param {string} page @param {string} path */
export const targetOf = (page, path) => (path === '' ? page : posix.join(posix.dirname(page), path).replace(/\/$/, ''))
