/**
 * Tables of guides that are written by hand: each of their figures is a number of the file that it was taken from, rounded to the
 * digits that are shown. Generated tables are in generated-docs.test.mjs, those of results in results.test.mjs.
 */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { inWorkspace } from './workspace.mjs'

const tables = [
  { guide: 'docs/serving-figures.md', heading: '## In a cluster', column: 3, json: 'bench/results/cluster.json' },
  { guide: 'docs/capacity.md', heading: '## Constants', column: 3, json: 'packages/load/src/capacity/measured.json' },
]

/** Not digits of names, as in p99. */
const number = /(?<![\w.])(?:\d[\d,]*)?\.?\d+/g

/** @param {string} text */
const numbersIn = (text) => text.match(number) ?? []

/** @param {string} shown */
const readingOf = (shown) => Number(shown.replaceAll(',', ''))

/** Half of the last digit that is shown, of a whole number without its zeros. @param {string} shown */
function roundingOf(shown) {
  const [, decimals] = shown.split('.')
  const zeros = decimals === undefined ? (/[0,]*$/.exec(shown)?.[0] ?? '').replaceAll(',', '').length : -decimals.length
  return 0.5 * 10 ** zeros
}

/** @param {unknown} part @returns {number[]} */
function valuesOf(part) {
  if (typeof part === 'number') return [part]
  if (typeof part === 'string') return numbersIn(part).map(readingOf)
  return typeof part === 'object' && part !== null ? Object.values(part).flatMap(valuesOf) : []
}

/** Cells of a column of the first table behind a heading. @param {(typeof tables)[number]} table */
function cellsOf({ guide, heading, column }) {
  const text = readFileSync(inWorkspace(guide), 'utf8')
  const [table] = /(^\|.*\n)+/m.exec(text.slice(text.indexOf(`\n${heading}\n`))) ?? ['']
  return table
    .trimEnd()
    .split('\n')
    .slice(2)
    .map((line) => line.split('|')[column])
}

test.each(tables)('figures of $guide are those of $json', (table) => {
  const values = valuesOf(JSON.parse(readFileSync(inWorkspace(table.json), 'utf8')))
  const shown = cellsOf(table).flatMap(numbersIn)
  expect(shown.length).toBeGreaterThan(10)
  const isThere = (/** @type {string} */ figure) =>
    values.some((value) => Math.abs(value - readingOf(figure)) <= roundingOf(figure) * (1 + 1e-9))
  expect(shown.filter((figure) => !isThere(figure))).toEqual([])
})
