/** What every benchmark prints and writes beside its figures. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { GpuDevice } from '@headwater/gpu'
import { interpolatedPercentiles } from '@headwater/statistics'

/** Median with the tenth and the ninetieth percentile. */
export interface Spread {
  readonly p10: number
  readonly median: number
  readonly p90: number
}

export function spread(values: readonly number[]): Spread {
  const [p10, median, p90] = interpolatedPercentiles(values, [10, 50, 90])
  return { p10, median, p90 }
}

/** Where and of what the figures were taken. */
export interface Provenance {
  readonly commit: string
  readonly adapter: string
  readonly software: boolean
  readonly node: string
}

export function provenance(device: GpuDevice): Provenance {
  const { description, device: name, software } = device.adapter
  return { commit: commit(), adapter: description || name, software, node: process.version }
}

/** Short hash of the checkout, with `-dirty` where files differ from it. */
function commit(): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  try {
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') ? '-dirty' : '')
  } catch {
    return 'unknown'
  }
}

export interface Column {
  readonly title: string
  readonly cells: readonly string[]
}

/** Columns as text: the first to the left, the others to the right. */
export function table(columns: readonly Column[]): string {
  const widths = columns.map(({ title, cells }) => Math.max(title.length, ...cells.map((cell) => cell.length)))
  const line = (of: (column: Column) => string) =>
    columns
      .map((column, i) => (i === 0 ? of(column).padEnd(widths[i]) : of(column).padStart(widths[i])))
      .join('  ')
      .trimEnd()
  const lines = [line((column) => column.title)]
  for (const row of columns[0].cells.keys()) lines.push(line((column) => column.cells[row]))
  return lines.join('\n')
}

export const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(2)} MiB`

/** Prints a report; `--json FILE`, against the directory the user is in, also writes the figures. */
export function publish(name: string, about: Provenance, text: string, figures: object): void {
  const { values } = parseArgs({ options: { json: { type: 'string' } } })
  console.log(`${name} on ${about.adapter}, commit ${about.commit}, node ${about.node}\n\n${text}`)
  if (values.json === undefined) return
  const path = resolve(process.env.INIT_CWD ?? process.cwd(), values.json)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${JSON.stringify({ bench: name, ...about, ...figures }, null, 2)}\n`)
}
