/**
 * Times the tunings of every kernel that has a choice, on its benchmark shapes, and writes the winners to the tuning table
 * under this adapter's class; other classes stay as they are. A bucket's shapes are taken together, by the geometric mean
 * of their times. The first tuning stays unless another is at least 10 % faster.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import {
  type AnyKernel,
  type GpuDevice,
  requestDevice,
  type Shape,
  type Tuning,
  type TuningTable,
} from '@headwater/gpu'
import { kernels } from '@headwater/kernels'
import { digits, matching, options, progress, provenance, publish, runBench, spread, table } from './report.ts'
import { timeTunings } from './timed-kernel.ts'

const file = new URL('../packages/gpu/src/device/tuning-table.json', import.meta.url)
/** The first tuning's time by the winner's, at least. */
const leastGain = 1.1
/** So much slower than the fastest may be what the table has already, before it is replaced: timings swing. */
const patience = 1.05

interface Choice {
  readonly kernel: string
  readonly bucket: string
  readonly tuning: string
  /** How many times as fast as the kernel's first tuning. */
  readonly gain: number
  /** Geometric mean of the medians, by tuning. */
  readonly ms: { readonly [tuning: string]: number }
}

async function choicesOf(device: GpuDevice, kernel: AnyKernel, old: TuningTable[string]): Promise<Choice[]> {
  const buckets = new Map<string, Shape[]>()
  for (const shape of kernel.benchmarks as readonly Shape[]) {
    const bucket = kernel.bucket?.(shape) ?? ''
    buckets.set(bucket, [...(buckets.get(bucket) ?? []), shape])
  }
  const choices: Choice[] = []
  for (const [bucket, shapes] of buckets) {
    const logs = new Map<string, number>()
    for (const shape of shapes)
      for (const { tuning, timesMs } of (await timeTunings(device, kernel, shape)).tunings)
        logs.set(tuning, (logs.get(tuning) ?? 0) + Math.log(spread(timesMs).median) / shapes.length)
    const ms = Object.fromEntries([...logs].map(([tuning, log]) => [tuning, Math.exp(log)]))
    const [best] = Object.keys(ms).sort((a, b) => ms[a] - ms[b])
    const known = old[kernel.name]?.[bucket] ?? best
    const fastest = ms[known] <= patience * ms[best] ? known : best
    const first: string = kernel.tunings[0].name
    const tuning = ms[first] / ms[fastest] >= leastGain ? fastest : first
    choices.push({ kernel: kernel.name, bucket, tuning, gain: ms[first] / ms[tuning], ms })
    const times = Object.entries(ms).map(([name, time]) => `${name} ${digits(time)} ms`)
    progress(`${kernel.name}, ${bucket || 'all shapes'}: ${tuning}  (${times.join(', ')})`)
  }
  return choices
}

type Draft = { [kernel: string]: { [bucket: string]: string } }

/** The choices in place of what the class had for the same kernels; what is first anyway is not written. */
function merged(old: TuningTable[string], choices: readonly Choice[]): Draft {
  const measured = new Set(choices.map(({ kernel }) => kernel))
  const known = new Set(kernels.map(({ name }) => name))
  const kept = Object.entries(old).filter(([kernel]) => known.has(kernel) && !measured.has(kernel))
  const draft: Draft = Object.fromEntries(kept)
  for (const { kernel, bucket, tuning } of choices) {
    const first = kernels.find(({ name }) => name === kernel)!.tunings[0].name
    if (tuning !== first) draft[kernel] = { ...draft[kernel], [bucket]: tuning }
  }
  return draft
}

/** As Biome formats it: an object on one line where it fits and the source had it so. */
function formatted(value: unknown, indent = ''): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  if (entries.length === 0) return '{}'
  const inner = `${indent}  `
  return `{\n${entries.map(([key, child]) => `${inner}${JSON.stringify(key)}: ${formatted(child, inner)}`).join(',\n')}\n${indent}}`
}

function changes(before: TuningTable[string], after: Draft): string[] {
  const flat = (rows: TuningTable[string]) =>
    new Map(
      Object.entries(rows).flatMap(([kernel, of]) =>
        Object.entries(of).map(([b, t]) => [`${kernel}, ${b || 'all shapes'}`, t]),
      ),
    )
  const [old, now] = [flat(before), flat(after)]
  const keys = [...new Set([...old.keys(), ...now.keys()])].sort()
  return keys.flatMap((key) => {
    const [was, is] = [old.get(key) ?? 'the first', now.get(key) ?? 'the first']
    return was === is ? [] : [`${key}: ${was} → ${is}`]
  })
}

await runBench(async () => {
  const { filter } = options()
  const device = await requestDevice({ label: 'tuning' })
  const before: TuningTable = JSON.parse(readFileSync(file, 'utf8'))
  const old = before[device.adapterClass] ?? {}
  const choices: Choice[] = []
  for (const kernel of matching(kernels, filter)) {
    const supported = kernel.tunings.filter((tuning: Tuning) => device.supports(tuning))
    if (supported.length > 1) choices.push(...(await choicesOf(device, kernel, old)))
  }
  const after = merged(old, choices)
  writeFileSync(new URL('tuning-table.json.part', file), `${formatted({ ...before, [device.adapterClass]: after })}\n`)
  renameSync(new URL('tuning-table.json.part', file), file)

  const changed = changes(old, after)
  const text = table([
    { title: 'kernel', cells: choices.map(({ kernel }) => kernel) },
    { title: 'shapes', cells: choices.map(({ bucket }) => bucket || 'all'), left: true },
    { title: 'tuning', cells: choices.map(({ tuning }) => tuning), left: true },
    { title: 'ms', cells: choices.map(({ ms, tuning }) => digits(ms[tuning])) },
    { title: 'gain', cells: choices.map(({ gain }) => `${gain.toFixed(2)} ×`) },
  ])
  const told = changed.length > 0 ? `changed under ${device.adapterClass}:\n${changed.join('\n')}` : 'nothing changed'
  publish('tune', provenance(device), `${text}\n\n${told}`, { choices, changed })
  device.destroy()
})
