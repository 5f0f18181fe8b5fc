/**
 * Rewrites the table of docs/serving-figures.md from bench/results/pooling.json and soak.json, which `bench:pooling` and
 * `service:soak` wrote. With `--check` it writes nothing and fails where they differ.
 */
import { bringUpToDate, markdownTable, missedUnless, readResults, short, taken, whole } from './generated-parts.ts'
import type { ChangesFigures } from './pooling-changes.ts'
import type { DearerFigures, EncoderLoadFigures } from './pooling-encoder-load.ts'
import type { EventToReadFigures } from './pooling-freshness.ts'
import type { BatchFigures, SingleFigures } from './pooling-http.ts'
import type { InProcessFigures } from './pooling-in-process.ts'
import type { OverloadFigures } from './pooling-overload.ts'
import type { ReadOverloadFigures } from './pooling-overload-reads.ts'
import { judgedPairs } from './pooling-sections.ts'
import type { TurnsRatio } from './pooling-served.ts'
import type { SoakFigures } from './pooling-soak.ts'
import { digits, type Provenance, type Spread } from './report.ts'
import type { Trend } from './trend.ts'

/** What pooling.ts writes. */
interface PoolingResults extends Provenance {
  readonly sections: Stamped<{
    readonly 'in-process': InProcessFigures
    readonly http: SingleFigures
    readonly 'http-batches': { readonly memory: BatchFigures; readonly lmdb: BatchFigures }
    readonly 'encoder-apart': DearerFigures
    readonly 'encoder-shared': EncoderLoadFigures
    readonly 'event-to-read': EventToReadFigures
    readonly changes: ChangesFigures
    readonly overload: OverloadFigures
    readonly 'overload-reads': ReadOverloadFigures
  }>
}

/** Sections, each with what it was measured at. */
type Stamped<Sections> = { readonly [name in keyof Sections]: Sections[name] & Pick<Provenance, 'commit' | 'date'> }

const columns = ['figure', 'asked', 'measured', 'key'].map((title) => ({ title }))

/** Words, what is asked, what was measured, key below `sections`. */
type Row = readonly [string, string, string, string]

const spreadOf = ({ median, p10, p90 }: Spread, places: number) =>
  `${median.toFixed(places)} [${p10.toFixed(places)}, ${p90.toFixed(places)}]`

const atLeast = (words: string, figure: Spread, bound: number, key: string): Row => [
  words,
  `≥ ${short(bound)}`,
  spreadOf(figure, 2) + missedUnless(figure.median >= bound),
  `\`${key}\``,
]

function pairs(words: string, found: TurnsRatio, bound: number, key: string): Row {
  const { ratio, isUndisturbed } = judgedPairs(found)
  const { undisturbed, undisturbedPairs, all, pairs: number } = found
  const beside = isUndisturbed
    ? `${undisturbedPairs} undisturbed pairs; all ${number}: ${all.median.toFixed(2)}`
    : `all ${number} pairs; ${undisturbedPairs} undisturbed: ${undisturbed.median.toFixed(2)}`
  return [words, `≤ ${bound}`, `${spreadOf(ratio, 2)} (${beside})${missedUnless(ratio.median <= bound)}`, `\`${key}\``]
}

function readRows(sections: PoolingResults['sections']): Row[] {
  const { 'in-process': inside, http, 'http-batches': batches } = sections
  const { singleUs } = inside
  const rate = (
    words: string,
    { usersPerSecond: { median }, usersPerSecondAtLeast: bound }: BatchFigures,
    key: string,
  ) =>
    [
      words,
      `≥ ${bound / 1_000}k`,
      `${Math.round(median / 1_000)}k${missedUnless(median >= bound)}`,
      `\`http-batches.${key}.usersPerSecond\``,
    ] as const
  const p99 = (words: string, { at70: { p99Ms }, p99MsAtMost: bound }: BatchFigures, key: string) =>
    [
      words,
      `≤ ${bound} ms`,
      `${spreadOf(p99Ms, 1)} ms${missedUnless(p99Ms.median <= bound)}`,
      `\`http-batches.${key}.at70.p99Ms\``,
    ] as const
  return [
    atLeast(
      'in process, awaited reads of one user ÷ the bare slab’s get',
      inside.ratio,
      inside.ratioAtLeast,
      'in-process.ratio',
    ),
    [
      'in process, one user, p99',
      `≤ ${singleUs.p99AtMost} µs`,
      `${digits(singleUs.p99)} µs${missedUnless(singleUs.p99 <= singleUs.p99AtMost)}`,
      '`in-process.singleUs.p99`',
    ],
    atLeast(
      'HTTP, one user a call ÷ bare node:http with the same bytes',
      http.plainRatio,
      http.plainRatioAtLeast,
      'http.plainRatio',
    ),
    ['the same by processor time', '', spreadOf(http.plainProcessorRatio, 2), '`http.plainProcessorRatio`'],
    atLeast(
      'with tokens, limits, metrics and served log',
      http.guardedRatio,
      http.guardedRatioAtLeast,
      'http.guardedRatio',
    ),
    ['the same by processor time', '', spreadOf(http.guardedProcessorRatio, 2), '`http.guardedProcessorRatio`'],
    rate('HTTP, 100 users a call, users/s a server core, from memory', batches.memory, 'memory'),
    rate('the same from LMDB', batches.lmdb, 'lmdb'),
    p99('p99 at 70 % load, from memory', batches.memory, 'memory'),
    p99('the same from LMDB', batches.lmdb, 'lmdb'),
  ]
}

function refreshRows(sections: PoolingResults['sections']): Row[] {
  const { 'encoder-apart': apart, 'encoder-shared': shared, 'event-to-read': fresh, changes, overload } = sections
  const { p50MsAtMost, p99MsAtMost, encoders } = fresh
  const freshness = (words: string, name: 'webgpu' | 'onnx') => {
    const { p50Ms, p99Ms, eventsPerSecond } = encoders[name]
    const holds = p50Ms.median <= p50MsAtMost && p99Ms.median <= p99MsAtMost
    return [
      words,
      `p50 ≤ ${p50MsAtMost}, p99 ≤ ${p99MsAtMost} ms`,
      `${digits(p50Ms.median)}; ${digits(p99Ms.median)} ms; at ${whole(eventsPerSecond.median)} events/s${missedUnless(holds)}`,
      `\`event-to-read.encoders.${name}\``,
    ] as const
  }
  const each = Object.entries(changes.changes)
  const failed = each.reduce((sum, [, { failedReads }]) => sum + failedReads, 0)
  const [{ times, reads }] = each.map(([, change]) => change)
  const moved = each
    .map(([, change]) => change)
    .reduce((a, b) => (Math.abs(b.hitRate - b.hitRateBefore) > Math.abs(a.hitRate - a.hitRateBefore) ? b : a))
  const points = 100 * Math.abs(moved.hitRate - moved.hitRateBefore)
  const percents = [moved.hitRateBefore, moved.hitRate].map((rate) => (100 * rate).toFixed(2))
  const { lasting } = overload
  return [
    pairs(
      'read p99, encoder saturated ÷ idle, the encoder on the other core',
      apart.saturatedRatio,
      apart.saturatedRatioAtMost,
      'encoder-apart.saturatedRatio',
    ),
    pairs(
      'the same, both cores shared',
      shared.saturatedRatio,
      shared.saturatedRatioAtMost,
      'encoder-shared.saturatedRatio',
    ),
    pairs(
      `read p99, a tower of ${digits(apart.dearerFlops)} times the FLOPs ÷ \`base\`, on the other core`,
      apart.dearerRatio,
      apart.dearerRatioAtMost,
      'encoder-apart.dearerRatio',
    ),
    freshness('event → read that serves it, at 70 % of encode capacity, by the kernels', 'webgpu'),
    freshness('as many events, by ONNX Runtime (`--encoder onnx`)', 'onnx'),
    [
      `reads that failed in ${times} hot swaps, promotions, rollbacks, kills each`,
      '0',
      `${failed} of ${whole(reads)} each${missedUnless(failed === 0)}`,
      '`changes.changes.*.failedReads`',
    ],
    [
      'hit rate, before and with the change that moved it most',
      `within ${changes.hitRatePointsAtMost} point`,
      `${percents.join(' → ')} %${missedUnless(points <= changes.hitRatePointsAtMost)}`,
      '`changes.changes.*.hitRate`',
    ],
    [
      'read p99, with the change ÷ before',
      'printed',
      each.map(([name, { p99Ratio }]) => `${name} ${digits(p99Ratio.median)}`).join(', '),
      '`changes.changes.*.p99Ratio`',
    ],
    pairs(
      'read p99, refreshes offered at 3 × encode capacity ÷ before',
      overload.ratio,
      overload.ratioAtMost,
      'overload.ratio',
    ),
    [
      `in ${lasting.seconds} s of that: refreshes offered, shed, landed`,
      'counted',
      [lasting.offers, lasting.shed, lasting.refreshes].map(whole).join(', '),
      '`overload.lasting`',
    ],
    [
      `in ${lasting.seconds} s of that: oldest embedding; that of taking turns`,
      'freshest shed first',
      `${digits(lasting.oldestS)}; ${digits(lasting.inTurnS)} s`,
      '`overload.lasting.oldestS`, `inTurnS`',
    ],
  ]
}

function readOverloadRows(figures: ReadOverloadFigures): Row[] {
  const { usersACall, models, overload, deadlineMs, p99RatioAtMost, goodputAtLeast, memoryRatioAtMost } = figures
  return figures.byConnections.flatMap(({ connections, p99Ratio, goodput, memoryRatio }, i): Row[] => {
    const key = `overload-reads.byConnections.${i}`
    return [
      atLeast(
        `reads of ${usersACall} users × ${models} models at ${overload} × capacity over ${whole(connections)} connections: answers in ${deadlineMs / 1_000} s ÷ capacity`,
        goodput,
        goodputAtLeast,
        `${key}.goodput`,
      ),
      [
        'of these: p99 ÷ that at 70 %',
        `≤ ${p99RatioAtMost}`,
        spreadOf(p99Ratio, 2) + missedUnless(p99Ratio.median <= p99RatioAtMost),
        `\`${key}.p99Ratio\``,
      ],
      [
        'memory at the end ÷ after a minute',
        `≤ ${memoryRatioAtMost}`,
        memoryRatio.toFixed(2) + missedUnless(memoryRatio <= memoryRatioAtMost),
        `\`${key}.memoryRatio\``,
      ],
    ]
  })
}

function soakRow({ minutes, reads, service, encoder }: SoakFigures): Row {
  const mebibytes = (bytes: number) => `${bytes < 0 ? '−' : '+'}${Math.abs(bytes / 2 ** 20).toFixed(0)}`
  const hourly = ({ slope, low, high }: Trend) => `${mebibytes(slope)} MiB [${mebibytes(low)}, ${mebibytes(high)}]`
  const told = [`service ${hourly(service.trend)}`, ...(encoder === null ? [] : [`encoder ${hourly(encoder.trend)}`])]
  return [
    `soak of ${minutes} minutes, ${whole(reads.answered)} reads: memory of its own, an hour`,
    'flat',
    told.join('; ') + missedUnless(service.isFlat && encoder?.isFlat !== false && reads.failed === 0),
    '`npx nx run service:soak`',
  ]
}

const pooling = readResults<PoolingResults>('pooling.json')
const soak = readResults<SoakFigures & Provenance>('soak.json')
const rows = [
  ...readRows(pooling.sections),
  ...refreshRows(pooling.sections),
  ...readOverloadRows(pooling.sections['overload-reads']),
  soakRow(soak),
]
/** Commits of the sections, as `--filter` measures some of them again. */
const commits = [...new Set(Object.values(pooling.sections).map(({ commit, date }) => `commit \`${commit}\`, ${date}`))]
bringUpToDate('docs/serving-figures.md', {
  figures: `${markdownTable(columns, rows)}\n\nTaken at ${commits.join(' and ')}, ${pooling.adapter}, ${pooling.driver}; the soak at ${taken(soak)}.`,
})
