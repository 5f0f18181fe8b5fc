// What VitePress is told. Pages and navigation are those that ../stage.mjs wrote.
import { readFileSync } from 'node:fs'
import { headingAnchor } from '../../../tools/pages.mjs'
import { navigationFile } from '../places.mjs'

/** @type {import('../stage.mjs').ShownSection[]} */
const sections = JSON.parse(readFileSync(navigationFile, 'utf8'))
const icon =
  "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><path d='M1 5q3.5-4 7 0t7 0M1 11q3.5-4 7 0t7 0' fill='none' stroke='%232563a8' stroke-width='2.4'/></svg>"

/** What stands above ../home.md. */
const hero = {
  name: 'Headwater',
  text: 'User towers, trained, served and judged',
  tagline: 'One large model learns users. Many ranking models read what it learnt, and no request waits for it.',
  actions: [
    { theme: 'brand', text: 'Tutorial', link: '/tutorial.html' },
    { theme: 'alt', text: 'Concepts', link: '/concepts.html' },
  ],
}

export default {
  title: 'Headwater',
  description: 'User towers on WebGPU, their embeddings served from a store, and what they are worth, measured.',
  lang: 'en',
  head: [['link', { rel: 'icon', href: icon }]],
  srcDir: '.cache/pages',
  outDir: 'dist',
  cacheDir: '.cache/vite',
  // Examples ask a service on the reader's own machine.
  ignoreDeadLinks: 'localhostLinks',
  markdown: {
    anchor: { slugify: headingAnchor },
    theme: { light: 'github-light', dark: 'github-dark' },
  },
  transformPageData: (/** @type {{ relativePath: string }} */ { relativePath }) =>
    relativePath === 'index.md' ? { frontmatter: { layout: 'home', hero } } : undefined,
  themeConfig: {
    nav: sections.map(({ title, groups }) => ({
      text: title,
      link: groups[0].entries[0].link,
      activeMatch: matching(groups.flatMap(({ entries }) => entries)),
    })),
    sidebar: sections.map(({ title, groups }) => ({
      text: title,
      collapsed: true,
      items: groups.flatMap(({ title, entries }) => (title === '' ? entries : [folded(title, entries)])),
    })),
    outline: { level: [2, 3] },
    search: { provider: 'local' },
    docFooter: { prev: 'Before', next: 'Next' },
  },
}

/** @param {string} text @param {readonly object[]} items @returns {object} */
function folded(text, items) {
  return { text, collapsed: true, items }
}

/** @param {readonly { link: string }[]} entries */
function matching(entries) {
  const links = entries.map(({ link }) => link.replace(/\.html$/, '').replace(/[.+]/g, '\\$&'))
  return `^(${links.join('|')})(\\.html)?$`
}
