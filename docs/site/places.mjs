// Where things of the site lie, and what becomes of a page's path.
import { fileURLToPath } from 'node:url'

/** @param {string} path from this folder */
export const inSite = (path) => fileURLToPath(new URL(path, import.meta.url))

/** Pages as VitePress reads them, made anew by each build. */
export const pagesDirectory = inSite('.cache/pages')
/** The site that is built. */
export const siteDirectory = inSite('dist')
/** Sections for VitePress' configuration. */
export const navigationFile = inSite('.cache/navigation.json')

/** Names of the packages' entries, by the files of their sources, for TypeDoc. */
export const modulesFile = inSite('.cache/modules.json')

/** The page that readers begin with. */
export const home = 'docs/site/home.md'

/**
 * Where a page of the repository lies in the site: `docs/store.md` as `store.md`, a folder's README by the folder's name.
 * @param {string} path
 */
export function placeOf(path) {
  if (path === home || path === 'README.md') return 'index.md'
  if (path === 'docs/decisions/README.md') return 'decisions/index.md'
  if (!path.includes('/')) return path.toLowerCase()
  return path.replace(/^docs\//, '').replace(/\/README\.md$/, '.md')
}

/** The address of a page of the site, from its root. @param {string} place */
export const addressOf = (place) => `/${place.replace(/(^|\/)index\.md$/, '$1').replace(/\.md$/, '.html')}`
