/** The files of the page, as they are sent: it loads nothing from elsewhere, and no script that is not one of them. */
import { readFileSync } from 'node:fs'

/** The package's own folder, beside its sources and beside what is built of them. */
const folder = new URL('../../console/', import.meta.url)

const script = 'text/javascript; charset=utf-8'
const types = {
  'index.html': 'text/html; charset=utf-8',
  'style.css': 'text/css; charset=utf-8',
  'icon.svg': 'image/svg+xml',
  'bars.js': script,
  'dom.js': script,
  'drift.js': script,
  'format.js': script,
  'history.js': script,
  'look-up.js': script,
  'main.js': script,
  'overview.js': script,
  'scales.js': script,
  'service.js': script,
  'snapshots.js': script,
  'tiles.js': script,
  'time-chart.js': script,
  'waits.js': script,
} as const

export const pageHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  // After an upgrade the page must be the service's own.
  'cache-control': 'no-cache',
} as const

export interface PageFile {
  readonly type: string
  readonly body: Buffer
}

const read = new Map<string, PageFile>()

/** @returns undefined where the page has no such file */
export function pageFile(name: string): PageFile | undefined {
  const known = read.get(name)
  if (known !== undefined) return known
  if (!Object.hasOwn(types, name)) return undefined
  const file = { type: types[name as keyof typeof types], body: readFileSync(new URL(name, folder)) }
  read.set(name, file)
  return file
}
