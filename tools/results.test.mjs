/** Figures of docs/results.md are those of the JSON beside it: a number that is in none of the files is misreported. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { inWorkspace } from './workspace.mjs'

const directory = inWorkspace('docs/results')
const files = readdirSync(directory).map((name) => JSON.parse(readFileSync(join(directory, name), 'utf8')))

/** Blocks whose figures are of no file say so in these words. */
const elsewhere = /not kept|`git show |without a verdict/

/** Intervals and single numbers of all files, as text. */
const intervals = new Set()
const numbers = new Set()

/** @param {unknown} part */
function collect(part) {
  if (typeof part === 'number') for (const digits of [3, 4]) numbers.add(part.toFixed(digits).replace(/^0/, ''))
  if (typeof part === 'string') {
    const told = part.replaceAll('−', '-').matchAll(/(-?[\d.]+) % \[(-?[\d.]+) %, (-?[\d.]+) %\]/g)
    for (const [, ...found] of told) intervals.add(found.join(' '))
  }
  if (typeof part !== 'object' || part === null) return
  const { value, low, high } = /** @type {Record<string, unknown>} */ (part)
  if (typeof value === 'number' && typeof low === 'number' && typeof high === 'number')
    for (const digits of [1, 2])
      for (const [a, b, c] of [
        [value, low, high],
        // What one gains over the other, that one loses.
        [-value, -high, -low],
      ])
        intervals.add([a, b, c].map((share) => percent(share, digits)).join(' '))
  for (const own of Object.values(part)) collect(own)
}

/**
 * @param {number} share
 * @param {number} digits
 */
const percent = (share, digits) => (100 * share).toFixed(digits).replace(/^-(0\.0+)$/, '$1')

/** Bullets, paragraphs and rows of tables, of which each line is one. */
function blocks() {
  const text = readFileSync(inWorkspace('docs/results.md'), 'utf8').replaceAll('−', '-')
  return text
    .split(/\n(?=\n|- |\| |#)/)
    .map((block) => block.replace(/\s+/g, ' ').trim())
    .filter((block) => !elsewhere.test(block))
}

for (const file of files) collect(file)

const interval = /([+-]?\d+\.\d+) % \[([+-]?\d+\.\d+), ([+-]?\d+\.\d+)\]/g
/** A normalized entropy, or an AUC: four digits behind the point and none before it. */
const fraction = /(?<![\d.])\.\d{4}(?!\d)/g

test('every interval is one of a file', () => {
  const told = blocks().flatMap((block) => [...block.matchAll(interval)].map(([, ...found]) => ({ block, found })))
  expect(told.length).toBeGreaterThan(60)
  const wrong = told.filter(({ found }) => !intervals.has(found.map((text) => text.replace('+', '')).join(' ')))
  expect(wrong).toEqual([])
})

test('every normalized entropy and AUC is one of a file', () => {
  const told = blocks().flatMap((block) => [...block.matchAll(fraction)].map(([found]) => ({ block, found })))
  expect(told.length).toBeGreaterThan(60)
  expect(told.filter(({ found }) => !numbers.has(found))).toEqual([])
})
