import {
  formatCount,
  formatDuration,
  formatPercent,
  type Html,
  html,
  type KeyFigure,
  renderFacts,
  renderFigures,
  renderFoldedTable,
  renderHtmlTable,
  renderKeyFigures,
  renderPage,
  renderSections,
  renderWarnings,
} from '@headwater/evaluation/report-parts'
import { formatRate, type StressResult, stepsByRate } from '@headwater/load/stress'
import { latencyPlot, partsPlot, processorPlot, waitingPlot } from './plots.ts'
import { headline, stepColumns, stepRows, verdict } from './words.ts'

/** The whole report as one HTML page without scripts or anything to load. @param command that made it */
export function renderStressReport(result: StressResult, command: string): string {
  const body = html`<header>
<p class="eyebrow">Headwater · stress of ${result.settings.url}</p>
<h1>${headline(result)}</h1>
<p>${verdict(result)}</p>
${renderWarnings(result.warnings)}<section class="overview"><h2>In short</h2>
${renderKeyFigures(keyFigures(result))}${renderFigures(latencyPlot(result), processorPlot(result))}</section>
</header>
${renderSections([
  {
    id: 'waits',
    title: 'Where the time goes, and what waits',
    about: 'parts of a call, and queues',
    body: renderFigures(partsPlot(result), waitingPlot(result)),
  },
  {
    id: 'steps',
    title: 'Steps',
    about: `${result.steps.length} rates`,
    body: html`${renderHtmlTable({ title: 'By rate', head: stepColumns, rows: stepRows(result) })}${threadsTable(result)}`,
  },
  { id: 'method', title: 'Method', about: 'how calls are made, and what breaks a step', body: method(result) },
  { id: 'run', title: 'This run', about: 'service, bounds, command', body: facts(result, command) },
])}`
  return renderPage(`Stress of ${result.settings.url}`, body)
}

function keyFigures({ holds, breaks, bottleneck, steps, settings }: StressResult): KeyFigure[] {
  const calm = steps.find(({ breach }) => breach === null)
  return [
    [
      'holds',
      holds ? `${formatRate(holds.perSecond)}/s` : '–',
      holds ? `${formatCount(holds.usersPerSecond)} users a second` : 'no step held',
    ],
    ['p99 there', holds ? formatDuration(holds.p99Ms) : '–', `limit ${formatDuration(settings.p99Ms)}`],
    ['breaks at', breaks ? `${formatRate(breaks.perSecond)}/s` : '–', breaks?.because ?? 'nothing broke'],
    ['bottleneck', bottleneck?.name ?? '–', bottleneck ? 'of the first step that broke' : 'nothing broke'],
    [
      'p50 when calm',
      calm ? formatDuration(calm.load.p50Ms) : '–',
      calm ? `${formatRate(calm.load.offeredPerSecond)} calls a second` : '',
    ],
  ]
}

/** Busy shares of the threads, where the service ran on the load's machine. */
function threadsTable(result: StressResult): Html | null {
  const steps = stepsByRate(result.steps).filter(({ threads }) => threads !== null)
  const names = [...new Set(steps.flatMap(({ threads }) => Object.keys(threads!)))]
  if (names.length === 0) return null
  return renderFoldedTable({
    title: 'Processors by thread of the service',
    head: ['calls/s', ...names],
    rows: steps.map(({ load, threads }) => [
      formatRate(load.offeredPerSecond),
      ...names.map((name) => (threads![name] ?? 0).toFixed(2)),
    ]),
  })
}

function method({ settings }: StressResult): Html {
  const { usersACall, eventsShare, stepSeconds, connections, models, p99Ms, users, keys } = settings
  const calls =
    eventsShare === 0
      ? `Each call reads ${formatCount(usersACall)} users of ${models.join(', ')}`
      : `${formatPercent(eventsShare, 0)} of the calls send an event of one user, the others read ${formatCount(usersACall)} users of ${models.join(', ')}`
  const drawn =
    keys === null ? `${formatCount(users)} keys that were made up` : `the ${formatCount(users)} keys of ${keys}`
  return html`<p>${calls}, drawn evenly from ${drawn}. Calls are due at the times of a Poisson process, whatever the service does (open loop), and latencies count from then: waiting for one of the ${connections} connections is part of them. Calls that had no answer when a step was cut short count with the time that they had waited.</p>
<p>A step lasts ${stepSeconds} s. It breaks where its p99 exceeds ${formatDuration(p99Ms)} twice in a row, a call fails, refreshes are shed, or calls come faster than they are answered. Rates rise by √2 until one breaks; two more lie between the last that held and the lowest that broke.</p>
<p>The bottleneck is named by rules that are asked in this order, of the first step that broke: the load itself, the service’s limits, failures, the encoder, the thread of the event loop, the store, a loop that is held up, the network.</p>
`
}

function facts({ settings, startedAt, seconds, node, end }: StressResult, command: string): Html {
  return renderFacts([
    ['service', settings.url],
    ['models', settings.models.join(', ')],
    ['bounds', `${formatCount(settings.maxPerSecond)} calls a second, ${settings.maxSeconds} s`],
    ['took', `${seconds.toFixed(0)} s; ended ${end}`],
    ['command', html`<code>${command}</code>`],
    ['started', startedAt],
    ['node', node],
  ])
}
