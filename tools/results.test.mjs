/**
 * Intervals, normalized entropies and AUCs of docs/results.md are those of the JSON beside it: one that is in none of the files
 * is misreported.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { resultCommands } from './result-commands.mjs'
import { inWorkspace } from './workspace.mjs'

const directory = inWorkspace('docs/results')
const names = readdirSync(directory).filter((name) => name !== 'finals.json')
const files = names.map((name) => JSON.parse(readFileSync(join(directory, name), 'utf8')))

/** Blocks whose figures are of no file say so in these words. */
const elsewhere = /not kept|`git show |without a verdict/

/** Of all files, as text. */
const intervals = new Set()
const fractions = new Set()
/** Of an arm's score. */
const scored = ['auc', 'gauc', 'neSeedSd']

const addFraction = (/** @type {number} */ fraction) => fractions.add(fraction.toFixed(4).replace(/^0/, ''))

/** @param {number} share @param {number} digits */
const percent = (share, digits) => (100 * share).toFixed(digits).replace(/^-(0\.0+)$/, '$1')

/** @param {unknown} part */
function collect(part) {
  if (typeof part === 'string') {
    const told = part.replaceAll('−', '-').matchAll(/([+-]?[\d.]+) % \[([+-]?[\d.]+)(?: %)?, ([+-]?[\d.]+)(?: %)?\]/g)
    for (const [, ...found] of told) intervals.add(found.join(' ').replaceAll('+', ''))
    for (const [, fraction] of part.matchAll(/\b0(\.\d{4})\b/g)) fractions.add(fraction)
  }
  if (typeof part !== 'object' || part === null) return
  const { value, low, high } = /** @type {Record<string, unknown>} */ (part)
  if (typeof value === 'number' && typeof low === 'number' && typeof high === 'number') {
    for (const digits of [1, 2]) intervals.add([value, low, high].map((share) => percent(share, digits)).join(' '))
    addFraction(value)
  }
  for (const [key, own] of Object.entries(part)) {
    if (typeof own === 'number' && scored.includes(key)) addFraction(own)
    collect(own)
  }
}

for (const file of files) collect(file)

/** Bullets, paragraphs and rows of tables, of which each line is one. */
const blocks = readFileSync(inWorkspace('docs/results.md'), 'utf8')
  .replaceAll('−', '-')
  .split(/\n(?=\n|- |\| |#)/)
  .map((block) => block.replace(/\s+/g, ' ').trim())
  .filter((block) => !elsewhere.test(block))

/** What they tell that is in no file. @param {RegExp} form @param {(found: string[]) => boolean} isTold */
function untold(form, isTold) {
  const told = blocks.flatMap((block) => [...block.matchAll(form)].map((found) => ({ block, found: [...found] })))
  expect(told.length).toBeGreaterThan(60)
  return told.filter(({ found }) => !isTold(found))
}

const negated = (/** @type {string} */ text) =>
  Number(text) === 0 ? text : text.startsWith('-') ? text.slice(1) : `-${text.replace('+', '')}`

test('every file is of the command that is told', () => {
  const told = resultCommands().map(({ args, file }) => [file, `headwater ${args.join(' ')}`])
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(files.map(({ command }, i) => [names[i], command])))
})

test('every interval is one of a file', () => {
  const interval = /([+-]?\d+\.\d+) % \[([+-]?\d+\.\d+), ([+-]?\d+\.\d+)\]/g
  const isTold = (/** @type {string[]} */ [, value, low, high]) =>
    intervals.has([value, low, high].join(' ').replaceAll('+', '')) ||
    // What is lost is told without a sign, and so are shares.
    (!/^[+-]/.test(value) && intervals.has([value, high, low].map(negated).join(' ')))
  expect(untold(interval, isTold)).toEqual([])
})

test('every normalized entropy and AUC is one of a file', () => {
  // Four digits behind the point and none before it.
  expect(untold(/(?<![\d.])\.\d{4}(?!\d)/g, ([fraction]) => fractions.has(fraction))).toEqual([])
})
