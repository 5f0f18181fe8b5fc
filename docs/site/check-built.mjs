import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, posix } from 'node:path'
import { siteDirectory } from './places.mjs'

/** What a page asks for by itself, other than a link that its reader may follow. */
const loaded = /<(?:script|img|iframe|source|video|audio)\b[^>]*?\ssrc="([^"]*)"|<link\b[^>]*?\shref="([^"]*)"/g
const loadedByStyle = /url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)/g

/** What is wrong with the site that was built, a line each. @returns {string[]} */
export function checkBuilt() {
  const files = readdirSync(siteDirectory, { recursive: true, encoding: 'utf8' }).map((path) =>
    path.replaceAll('\\', '/'),
  )
  const pages = new Map(files.filter((path) => path.endsWith('.html')).map((path) => [path, read(path)]))
  /** @type {Map<string, Set<string>>} */
  const anchors = new Map()
  for (const [path, html] of pages)
    anchors.set(path, new Set([...html.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => unescaped(id))))
  const complaints = [...pages].flatMap(([page, html]) => {
    const outside = [...html.matchAll(loaded)]
      .map(([, source, sheet]) => source ?? sheet)
      .filter(isOfAnotherHost)
      .map((address) => `${page} loads ${address}`)
    const links = [...html.matchAll(/<a\b[^>]*?\shref="([^"]*)"/g)].map(([, link]) => unescaped(link))
    return [...outside, ...[...new Set(links)].flatMap((link) => linkComplaint(page, link, anchors))]
  })
  const styles = files.filter((path) => path.endsWith('.css'))
  const fetched = styles.flatMap((path) =>
    [...read(path).matchAll(loadedByStyle)]
      .map(([, url, sheet]) => url ?? sheet)
      .filter(isOfAnotherHost)
      .map((address) => `${path} loads ${address}`),
  )
  return [...complaints, ...fetched]
}

/** @param {string} page @param {string} link @param {ReadonlyMap<string, ReadonlySet<string>>} anchors @returns {string[]} */
function linkComplaint(page, link, anchors) {
  if (/^[a-z]+:/.test(link)) return []
  const [path, anchor = ''] = link.split('#').map(decodeURIComponent)
  const asked = path === '' ? page : path.startsWith('/') ? path.slice(1) : posix.join(posix.dirname(page), path)
  const file = asked === '' || asked.endsWith('/') ? `${asked}index.html` : asked
  const isThere = existsSync(join(siteDirectory, file)) && statSync(join(siteDirectory, file)).isFile()
  if (!isThere) return [`${page} links to ${link}, which is not there`]
  if (anchor === '' || anchors.get(file)?.has(anchor)) return []
  return [`${page} links to ${link}: ${file} has no such anchor`]
}

const isOfAnotherHost = (/** @type {string} */ address) => /^(https?:)?\/\//.test(address)

/** @param {string} path */
function read(path) {
  return readFileSync(join(siteDirectory, path), 'utf8')
}

/** @param {string} text of an attribute */
function unescaped(text) {
  return text.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&lt;', '<').replaceAll('&amp;', '&')
}
