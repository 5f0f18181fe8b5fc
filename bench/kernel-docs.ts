/**
 * Rewrites the generated parts of docs/kernels.md: what is supported, from the declarations; which tuning runs where,
 * from the tuning table; figures, from bench/results/*.json. With `--check` it writes nothing and fails where they differ.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { AnyKernel, Binding, Gradient, Tuning, TuningTable } from '@headwater/gpu'
import { kernels } from '@headwater/kernels'
import type { ColdFigures } from './cold.ts'
import { bringUpToDate, inWorkspace, results, markdownTable as table } from './generated-parts.ts'
import type { Replay } from './replay-overhead.ts'
import { type Beside, digits, type Figure, type Provenance, percent } from './report.ts'
import { type RidgeApart, ridgeText } from './ridge-apart.ts'
import { type Roofline, rooflineText } from './roofline.ts'

/** What kernels.ts and peers.ts write. */
interface ResultFile extends Provenance {
  readonly roofline: Roofline
  readonly figures: readonly ResultFigure[]
  readonly replay?: Replay
  readonly ridgeApart?: RidgeApart
}

interface ResultFigure extends Figure {
  /** False for a tuning that was timed beside the one that the library chooses. */
  readonly chosen?: boolean
  /** The operation in words, where peers did it too. */
  readonly name?: string
  readonly beside?: Beside | null
}

const code = (text: string) => `\`${text}\``

/** `x, w f32; rows u32 → y f32`: what is read, then what is written. */
function bindingsOf(kernel: AnyKernel): string {
  const side = (access: Binding['access']) => {
    const byType = new Map<string, string[]>()
    for (const [name, binding] of Object.entries<Binding>(kernel.bindings))
      if (binding.access === access) byType.set(binding.type, [...(byType.get(binding.type) ?? []), name])
    return [...byType].map(([type, names]) => `${names.join(', ')} ${type}`).join('; ')
  }
  return `${side('read') || '–'} → ${side('read_write')}`
}

/** `plain`, `wide`; with subgroups ≥ 8: `lanes`: tunings with the same needs together. */
function tuningsOf(kernel: AnyKernel): string {
  const byNeeds = new Map<string, string[]>()
  for (const { name, minSubgroupSize } of kernel.tunings as readonly Tuning[]) {
    const needs = minSubgroupSize ? `subgroups ≥ ${minSubgroupSize}` : ''
    byNeeds.set(needs, [...(byNeeds.get(needs) ?? []), code(name)])
  }
  return [...byNeeds].map(([needs, names]) => (needs && `with ${needs}: `) + names.join(', ')).join('; ')
}

function gradientText(kernel: AnyKernel): string {
  const forward = (kernel.gradient as Gradient | undefined)?.forward
  if (forward) return `of ${code(forward.name)}`
  const backward = kernels.filter((other) => (other.gradient as Gradient | undefined)?.forward === kernel)
  return backward.map(({ name }) => code(name)).join(', ')
}

function supportTable(): string {
  const tunings = kernels.reduce((sum, kernel) => sum + kernel.tunings.length, 0)
  const rows = kernels.map((kernel) => [code(kernel.name), gradientText(kernel), bindingsOf(kernel), tuningsOf(kernel)])
  const columns = ['kernel', 'gradient', 'reads → writes', 'tunings'].map((title) => ({ title }))
  return `${kernels.length} kernels, ${tunings} tunings.\n\n${table(columns, rows)}`
}

/** Only where there is a choice: other kernels run their one tuning everywhere. */
function choiceTable(): string {
  const chosen: TuningTable = JSON.parse(readFileSync(inWorkspace('packages/gpu/src/device/tuning-table.json'), 'utf8'))
  const classes = Object.keys(chosen)
  const rows = kernels
    .filter((kernel) => kernel.tunings.length > 1)
    .flatMap((kernel) => {
      const buckets = new Set(classes.flatMap((name) => Object.keys(chosen[name][kernel.name] ?? {})))
      const { name: fallback } = kernel.tunings[0]
      return [...(buckets.size > 0 ? buckets : [''])].sort().map((bucket) => {
        // A name that is no longer a tuning's counts as none, as on a device.
        const picks = classes.map((name) => {
          const pick = chosen[name][kernel.name]?.[bucket]
          return code(kernel.tunings.some((tuning: Tuning) => tuning.name === pick) ? pick! : fallback)
        })
        return [code(kernel.name), bucket || 'all', ...picks, code(fallback)]
      })
    })
  const titles = ['kernel', 'shapes', ...classes.map(code), 'elsewhere']
  return table(
    titles.map((title) => ({ title })),
    rows,
  )
}

/** The dimensions of a shape, and of strides, offsets and flags what tells it from the kernel's other shapes. */
function shapeText(figure: Figure, figures: readonly Figure[]): string {
  const uniforms = kernels.find(({ name }) => name === figure.kernel)?.uniforms ?? {}
  const dimensions = Object.keys(figure.shape).filter((key) => (uniforms[key] ?? 'size') === 'size')
  const others = figures.filter(
    ({ kernel, shape }) => kernel === figure.kernel && dimensions.every((key) => shape[key] === figure.shape[key]),
  )
  const differing = Object.keys(figure.shape).filter((key) =>
    others.some(({ shape }) => shape[key] !== figure.shape[key]),
  )
  return [...dimensions, ...differing].map((key) => `${key} ${figure.shape[key]}`).join(', ')
}

function figureTable(figures: readonly ResultFigure[]): string {
  const peers = [...new Set(figures.flatMap(({ peers }) => Object.keys(peers ?? {})))]
  const right = (title: string) => ({ title, align: 'right' as const })
  const columns = [
    { title: 'kernel' },
    { title: 'work' },
    { title: 'tuning' },
    ...['ms', 'GFLOP/s', 'GB/s', 'of roofline'].map(right),
    ...(peers.length > 0 ? [...peers.map((name) => right(`${name}, ms`)), right('best peer ÷ ours')] : []),
  ]
  const rows = figures.map((figure) => {
    const times = peers.map((name) => figure.peers?.[name] ?? Number.POSITIVE_INFINITY)
    const best = Math.min(...times)
    return [
      code(figure.kernel),
      figure.name ?? shapeText(figure, figures),
      code(figure.tuning),
      ...[figure.ms, figure.gflops, figure.gbps].map(digits),
      percent(figure.roofline),
      ...times.map((ms) => (Number.isFinite(ms) ? digits(ms) : '–')),
      ...(peers.length > 0 ? [Number.isFinite(best) ? `${digits(best / figure.ms)} ×` : '–'] : []),
    ]
  })
  return table(columns, rows)
}

/** What is no row of a table. */
function remarks({ figures, replay, ridgeApart }: ResultFile): string[] {
  const lines = figures.flatMap(({ name, beside }) =>
    beside ? [`${name}: ${beside.says}: ${beside.holds ? 'holds' : 'MISSED'}`] : [],
  )
  if (replay)
    lines.push(
      `Replaying a record of ${replay.dispatches} dispatches: ${digits(replay.encodeUs.median)} µs of encoding each.`,
    )
  if (ridgeApart) lines.push(`${ridgeText(ridgeApart)}.`)
  return lines.map((line) => `- ${line}`)
}

/** A section for each file: where the figures were taken, then the figures of what the library chooses there. */
function figureSections(): string {
  const files = existsSync(results) ? readdirSync(results) : []
  const sections = files
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => ({ file, result: JSON.parse(readFileSync(new URL(file, results), 'utf8')) as ResultFile }))
    // Other benches keep their results there too; theirs are no figures of kernels.
    .filter(({ result }) => Array.isArray(result.figures))
    .map(({ file, result }) => {
      const { adapter, driver, commit, date, roofline, figures } = result
      const told = `${adapter}, ${driver}, commit ${commit}, ${date}; ${rooflineText(roofline)}.`
      const chosen = figures.filter((figure) => figure.chosen !== false)
      return [`### ${code(file)}`, told, figureTable(chosen), remarks(result).join('\n')].filter(Boolean).join('\n\n')
    })
  return sections.join('\n\n') || 'None yet.'
}

/** Of bench:cold: where, the whole, and the pipelines that take the most. */
function coldSection(): string {
  if (!existsSync(new URL('cold.json', results))) return 'None yet.'
  const { adapter, driver, commit, date, empty, off, warm, pipelines } = JSON.parse(
    readFileSync(new URL('cold.json', results), 'utf8'),
  ) as Provenance & ColdFigures
  const most = pipelines.slice(0, 8)
  const part = (of: typeof pipelines) => digits(of.reduce((sum, { processorSeconds }) => sum + processorSeconds, 0))
  return [
    `${adapter}, ${driver}, commit ${commit}, ${date}: ${digits(empty.processorSeconds)} s of processor time with an ` +
      `empty cache, ${digits(off.processorSeconds)} s with the cache off, ${digits(warm.processorSeconds)} s with every ` +
      `pipeline cached; ${digits(empty.startSeconds)} s of each before a device is asked for. By the clock they are ` +
      `${[empty, off, warm].map(({ wallSeconds }) => digits(wallSeconds)).join(', ')} s. The step has ` +
      `${pipelines.length} pipelines, which take ${part(pipelines)} s, ${most.length} of them ${part(most)} s:`,
    table(
      [{ title: 'pipeline' }, { title: 'dispatches', align: 'right' }, { title: 's', align: 'right' }],
      most.map(({ kernel, tuning, dispatches, processorSeconds }) => [
        code(`${kernel}/${tuning}`),
        String(dispatches),
        digits(processorSeconds),
      ]),
    ),
  ].join('\n\n')
}

bringUpToDate('docs/kernels.md', {
  support: supportTable(),
  tunings: choiceTable(),
  cold: coldSection(),
  figures: figureSections(),
})
