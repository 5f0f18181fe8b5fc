// Links of all pages lead to files and headings that there are, and every threat of SECURITY.md to a test.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { inWorkspace } from './workspace.mjs'

const listed = execFileSync('git', ['ls-files', '*.md'], { cwd: inWorkspace('.'), encoding: 'utf8' })
const pages = listed.split('\n').filter((path) => path !== '' && existsSync(inWorkspace(path)))
const textOf = (/** @type {string} */ path) =>
  readFileSync(inWorkspace(path), 'utf8').replace(/^(```|~~~).*?^\1/gms, '')

/** What a page can be entered at: names of its own, and its headings as GitHub names them in addresses. @param {string} path */
function anchorsOf(path) {
  const text = textOf(path)
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
  return [...headings, ...[...text.matchAll(/<a id="([^"]+)">/g)].map(([, id]) => id)]
}

test('links of all pages lead to files and headings that there are', () => {
  const broken = pages.flatMap((page) => {
    const links = [...textOf(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)]
    const lost = links.filter(([, path, anchor]) => {
      const target = path === '' ? page : join(dirname(page), path)
      if (!existsSync(inWorkspace(target))) return true
      return anchor !== undefined && target.endsWith('.md') && !anchorsOf(target).includes(anchor)
    })
    return lost.map(([link]) => page + link)
  })
  expect(broken).toEqual([])
})

test('every threat that SECURITY.md says the service meets is held by a test', () => {
  const [, section] = /^## The service\n(.*?)^## /ms.exec(textOf('SECURITY.md')) ?? []
  const rows = section
    .split('\n')
    .filter((line) => /^\| [^-]/.test(line))
    .slice(1)
  expect(rows.length).toBeGreaterThan(5)
  for (const row of rows) expect(row.split('|').at(-2)).toMatch(/\.test\.ts\)/)
})
