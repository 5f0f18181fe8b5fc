/** Guides of docs/ with parts that are generated: from declarations, or from what benches wrote to bench/results. */
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Provenance } from './report.ts'

export const inWorkspace = (path: string) => new URL(`../${path}`, import.meta.url)

export const results = inWorkspace('bench/results/')

/** What a bench wrote to a file of bench/results. */
export const readResults = <Results>(file: string) =>
  JSON.parse(readFileSync(new URL(file, results), 'utf8')) as Results

export const whole = (value: number) => Math.round(value).toLocaleString('en')
export const short = (bound: number) => String(bound).replace(/^0/, '')
export const missedUnless = (holds: boolean) => (holds ? '' : ', missed')

/** Where figures were taken, in words. */
export const taken = ({ adapter, driver, commit, date }: Provenance) =>
  `commit \`${commit}\`, ${date}, ${adapter}, ${driver}`

export interface MarkdownColumn {
  readonly title: string
  readonly align?: 'left' | 'right'
}

/** A Markdown table as the formatter would leave it. */
export function markdownTable(columns: readonly MarkdownColumn[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ title }, i) => Math.max(3, title.length, ...rows.map((row) => row[i].length)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => (columns[i].align === 'right' ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join(' | ')} |`
  const rule = columns.map(({ align }, i) =>
    align === 'right' ? `${'-'.repeat(widths[i] - 1)}:` : '-'.repeat(widths[i]),
  )
  return [line(columns.map(({ title }) => title)), line(rule), ...rows.map(line)].join('\n')
}

/**
 * Rewrites a guide's generated parts, by their names. With `--check` on the command line it writes nothing, and the process
 * fails where they differ.
 *
 * @throws Error where the guide lacks the markers
 */
export function bringUpToDate(guide: string, parts: { readonly [name: string]: string }): void {
  const path = inWorkspace(guide)
  const before = readFileSync(path, 'utf8')
  const after = Object.entries(parts).reduce((text, [name, content]) => replacePart(guide, text, name, content), before)
  const { values } = parseArgs({ options: { check: { type: 'boolean' } } })
  if (!values.check) writeFileSync(path, after)
  else if (after !== before) {
    console.error(`${guide} is out of date. Bring it up to date: npx nx run bench:docs`)
    process.exitCode = 1
  }
}

function replacePart(guide: string, text: string, name: string, content: string): string {
  const [begin, end] = [`<!-- generated: ${name} -->`, `<!-- end of ${name} -->`]
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${guide} needs the lines "${begin}" and "${end}" around that part.`)
  return `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`
}
