/** What every benchmark prints and writes beside its figures, and the options that all take. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
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

/** One kernel in one shape and tuning; what docs/kernels.md is made from. */
export interface Figure {
  readonly kernel: string
  readonly shape: { readonly [name: string]: number }
  readonly tuning: string
  /** Median of a run. */
  readonly ms: number
  readonly p10: number
  readonly p90: number
  readonly gflops: number
  readonly gbps: number
  /** The larger of its shares of the FMA speed and the copy speed that were measured in the same run. */
  readonly roofline: number
  /** Library → median in milliseconds for the same work; null where it has no such operation. */
  readonly peers: { readonly [name: string]: number | null }
}

/** Our own time again, of the work done otherwise, and what the two are to show. */
export interface Beside {
  /** Kernels and tunings of the other way. */
  readonly way: string
  /** Median of a run. */
  readonly ms: number
  /** The comparison in words, with its bound. */
  readonly says: string
  /** Whether it is within the bound. */
  readonly holds: boolean
}

/** Where, when and of what the figures were taken. */
export interface Provenance {
  readonly adapter: string
  readonly driver: string
  readonly adapterClass: string
  readonly software: boolean
  readonly commit: string
  readonly date: string
  readonly node: string
}

export function provenance(device: GpuDevice): Provenance {
  const { vendor, architecture, device: name, description, software } = device.adapter
  return {
    adapter: name.replace(/-+$/, '') || `${vendor} ${architecture}`,
    driver: description || device.adapterClass,
    adapterClass: device.adapterClass,
    software,
    commit: commit(),
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
  }
}

/** Of figures that no adapter has a part in: the processor stands in its place. */
export function hostProvenance(): Provenance {
  const processors = cpus()
  return {
    adapter: processors[0].model.trim(),
    driver: `${processors.length} processors`,
    adapterClass: 'cpu',
    software: true,
    commit: commit(),
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
  }
}

/** Short hash of the checkout, with `-dirty` where files other than a bench's results differ from it; a bundle's is given to it. */
export function commit(): string {
  const given = process.env.HEADWATER_COMMIT
  if (given !== undefined) return given
  const git = (...args: string[]) =>
    execFileSync('git', args, {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  try {
    return (
      git('rev-parse', '--short', 'HEAD') +
      (git('status', '--porcelain', '--untracked-files=no', '--', ':/', ':!/bench/results') ? '-dirty' : '')
    )
  } catch {
    return 'unknown'
  }
}

export interface Column {
  readonly title: string
  readonly cells: readonly string[]
  /** To the left; by default the first column only. */
  readonly left?: boolean
}

/** Columns as text: the first to the left, the others to the right. */
export function table(columns: readonly Column[]): string {
  const widths = columns.map(({ title, cells }) => Math.max(title.length, ...cells.map((cell) => cell.length)))
  const line = (of: (column: Column) => string) =>
    columns
      .map((column, i) => ((column.left ?? i === 0) ? of(column).padEnd(widths[i]) : of(column).padStart(widths[i])))
      .join('  ')
      .trimEnd()
  const lines = [line((column) => column.title)]
  for (const row of columns[0].cells.keys()) lines.push(line((column) => column.cells[row]))
  return lines.join('\n')
}

export const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(2)} MiB`
/** Three digits or so. */
export const digits = (value: number) =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value >= 0.1 ? value.toFixed(2) : value.toFixed(4)
export const percent = (share: number) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`

/**
 * `--json FILE` writes the figures too; `--filter TEXT` measures only what has the text in its name.
 * @throws UsageError where an option is unknown.
 */
export function options(): { json?: string; filter: string } {
  try {
    return parseArgs({ options: { json: { type: 'string' }, filter: { type: 'string', default: '' } } }).values
  } catch (cause) {
    throw new UsageError(`${cause instanceof Error ? cause.message : cause} Known are --json FILE and --filter TEXT.`)
  }
}

/** A line about what is going on. */
export const progress = (line: string) => console.log(line)

/**
 * Prints a report, and also writes the figures where a file is named, against the directory the user is in.
 * @param json null: no file; default: that of `--json FILE`
 */
export function publish(
  name: string,
  about: Provenance,
  text: string,
  figures: object,
  json: string | null = options().json ?? null,
): void {
  const { adapter, driver, commit, date, node } = about
  console.log(`\n${name} on ${adapter}, ${driver}, commit ${commit}, ${date}, node ${node}\n\n${text}`)
  if (json === null) return
  const path = resultPath(json)
  mkdirSync(dirname(path), { recursive: true })
  const rounded = (_: string, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value)
  // Renamed when it is complete, so that an interrupted run leaves an older file whole.
  writeFileSync(`${path}.part`, `${JSON.stringify({ bench: name, ...about, ...figures }, rounded, 2)}\n`)
  renameSync(`${path}.part`, path)
}

/** A file that was named to a bench, against the directory the user is in. */
export const resultPath = (file: string): string => resolve(process.env.INIT_CWD ?? process.cwd(), file)

/** Sections of an earlier run in the file of `--json`: they stay where `--filter` measures others. */
export function earlierSections(): { readonly [name: string]: object } {
  const { json, filter } = options()
  if (filter === '' || json === undefined || !existsSync(resultPath(json))) return {}
  const { sections } = JSON.parse(readFileSync(resultPath(json), 'utf8'))
  return sections
}

/** A mistake in how a bench was called: told without a stack. */
export class UsageError extends Error {}

/** Those whose name holds `filter`. @throws UsageError where none does. */
export function matching<T extends { readonly name: string }>(all: readonly T[], filter: string): readonly T[] {
  const found = all.filter(({ name }) => name.includes(filter))
  if (found.length > 0) return found
  throw new UsageError(`--filter ${filter} matches none of: ${all.map(({ name }) => name).join(', ')}`)
}

/** Says what went wrong and exits with 1; an interrupt with 130, SIGTERM with 143. Nothing is written then. */
export async function runBench(run: () => Promise<void>): Promise<void> {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    process.once(signal, () => {
      console.error('Interrupted; nothing was written.')
      process.exit(code)
    })
  try {
    await run()
  } catch (cause) {
    console.error(cause instanceof UsageError ? cause.message : cause)
    process.exit(1)
  }
}
