/**
 * The files of the page, as they are sent: its own, and uPlot of its package. It loads nothing from elsewhere, and no script
 * that is not one of them.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { extname } from 'node:path'

/** The package's own folder, beside its sources and beside what is built of them. */
const folder = new URL('../../console/', import.meta.url)

/** By the end of the name; others are not sent. */
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.js': 'text/javascript; charset=utf-8',
}

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

/** What draws the charts, with its licence. */
const uplot = (name: string) => readFileSync(createRequire(import.meta.url).resolve(`uplot/${name}`), 'utf8')

/** By name. */
export const pageFiles = new Map([
  ...readdirSync(folder).flatMap((name) => {
    const type = types[extname(name)]
    return type === undefined ? [] : [[name, { type, body: readFileSync(new URL(name, folder), 'utf8') }] as const]
  }),
  // Its minified form makes a variable, and a page that takes modules wants one of them.
  [
    'uplot.js',
    {
      type: types['.js'],
      body: `/*!\n${uplot('LICENSE')}*/\n${uplot('dist/uPlot.iife.min.js')}\nexport default uPlot\n`,
    },
  ] as const,
  ['uplot.css', { type: types['.css'], body: uplot('dist/uPlot.min.css') }] as const,
])
