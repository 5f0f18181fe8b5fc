/** What a stress found, in words and as a table: the same in the terminal and in the report. */
import { formatCount, formatDuration } from '@headwater/evaluation/report-parts'
import { formatRate, type StressResult, type StressStep, stepsByRate } from '@headwater/load/stress'
import { table } from '../../terminal/format.ts'

export function headline({ holds, breaks, bottleneck, end, settings }: StressResult): string {
  const limit = `p99 of ${settings.p99Ms} ms`
  if (holds === null && breaks === null) return 'No step was finished'
  if (holds === null)
    return `Breaks at the first step, ${formatRate(breaks!.perSecond)} calls a second: ${bottleneck!.name}`
  const rate = `${formatRate(holds.perSecond)} calls a second`
  if (breaks === null)
    return end === 'held' ? `Holds ${rate}, the highest asked for` : `Holds ${rate} so far; ${end} before it broke`
  return `Holds ${rate} within a ${limit}; the ${bottleneck!.name} gives way`
}

export function verdict({ holds, breaks, bottleneck }: StressResult): string {
  const parts: string[] = []
  if (holds !== null)
    parts.push(
      `At ${formatRate(holds.perSecond)} calls a second, ${formatCount(holds.usersPerSecond)} users, the p99 is ${formatDuration(holds.p99Ms)}.`,
    )
  if (breaks !== null) parts.push(`At ${formatRate(breaks.perSecond)} it breaks: ${breaks.because}.`)
  if (bottleneck !== null)
    parts.push(`The bottleneck is the ${bottleneck.name}: ${bottleneck.because}. ${bottleneck.advice}`)
  return parts.join(' ')
}

const duration = (ms: number | null | undefined) => (ms === null || ms === undefined ? '–' : formatDuration(ms))
const share = (cpu: number | null | undefined) =>
  cpu === null || cpu === undefined ? '–' : `${Math.round(100 * cpu)} %`

const columns: readonly (readonly [title: string, cell: (step: StressStep) => string])[] = [
  ['calls/s', ({ load }) => formatRate(load.offeredPerSecond)],
  ['p50', ({ load }) => formatDuration(load.p50Ms)],
  ['p99', ({ load }) => formatDuration(load.p99Ms)],
  ['p99.9', ({ load }) => formatDuration(load.p999Ms)],
  ['load CPU', ({ load }) => share(load.client.cpu)],
  ['load late', ({ load }) => formatDuration(load.client.lateP99Ms)],
  ['loop CPU', ({ service, threads }) => share(threads?.main ?? service?.cpu)],
  ['loop late', ({ service }) => duration(service?.loopDelayP99Ms)],
  ['request', ({ service }) => duration(service?.requestMeanMs)],
  ['read', ({ service }) => duration(service?.readMeanMs)],
  ['queue', ({ service }) => (service?.queueUsers == null ? '–' : formatCount(service.queueUsers))],
  ['outcome', ({ breach }) => breach ?? 'held'],
]

export const stepColumns = columns.map(([title]) => title)

/** By rate. */
export const stepRows = (result: StressResult) =>
  stepsByRate(result.steps).map((step) => columns.map(([, cell]) => cell(step)))

/** For a terminal; ends with a line feed. */
export function renderText(result: StressResult): string {
  const last = stepColumns.length - 1
  const steps = table([stepColumns, ...stepRows(result)], (column) => column < last)
  return [steps, `${headline(result)}.`, verdict(result), ...result.warnings]
    .filter((line) => line !== '')
    .join('\n')
    .concat('\n')
}
