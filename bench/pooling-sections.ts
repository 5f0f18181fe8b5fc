/** What reads feel of refreshes, of snapshots and of the encoder, as text. */
import type { EncoderLoadFigures } from './pooling-encoder-load.ts'
import type { SettingFigures, TurnsRatio } from './pooling-served.ts'
import { digits, megabytes, percent, progress, type Spread } from './report.ts'

export interface Section {
  readonly name: string
  run(): Promise<{ readonly text: string; readonly figures: object }>
}

export const judged = (holds: boolean) => (holds ? 'holds' : 'MISSED')
export const thousands = ({ median }: Spread) => `${digits(median / 1000)}k`
export const ratio = ({ median, p10, p90 }: Spread) =>
  `${median.toFixed(2)} × (p10 ${p10.toFixed(2)}, p90 ${p90.toFixed(2)})`
const whole = (value: number) => Math.round(value).toLocaleString('en')
/** Undisturbed pairs below which a ratio is judged by all pairs, whose noise is the same in both settings. */
const leastPairs = 11

/** What a ratio is judged by. */
export function judgedPairs({ undisturbed, undisturbedPairs, all }: TurnsRatio) {
  const isUndisturbed = undisturbedPairs >= leastPairs
  return { ratio: isUndisturbed ? undisturbed : all, isUndisturbed }
}

const atMost = (found: TurnsRatio, most: number) => {
  const { undisturbed, undisturbedPairs, all, pairs } = found
  const { ratio: own, isUndisturbed } = judgedPairs(found)
  const ofUndisturbed = `${ratio(undisturbed)} of ${undisturbedPairs} pairs in which the host took no processor time`
  const ofAll = `${ratio(all)} of all ${pairs}`
  const holds = judged(own.median <= most)
  return `${isUndisturbed ? ofUndisturbed : ofAll} (at most ${most}: ${holds}), ${isUndisturbed ? ofAll : ofUndisturbed}`
}

const settingLine = (name: string, { p50Ms, p99Ms, lateP99Ms, refreshesPerSecond, failedReads }: SettingFigures) =>
  `  ${name.padEnd(18)}p50 ${digits(p50Ms.median)}, p99 ${digits(p99Ms.median)} ms, of which the load ${digits(lateP99Ms.median)}; ${whole(refreshesPerSecond.median)} refreshes/s, ${failedReads} failed`

const readsAt = ({ readShare, readsPerSecond }: { readonly readShare: number; readonly readsPerSecond: number }) =>
  `reads of 100 users at ${percent(readShare)}, ${whole(readsPerSecond)}/s`

const loadLines = ({ idle, saturated, saturatedRatio, saturatedRatioAtMost }: EncoderLoadFigures) => [
  settingLine('encoder idle', idle),
  settingLine('encoder saturated', saturated),
  `  p99, saturated ÷ idle   ${atMost(saturatedRatio, saturatedRatioAtMost)}`,
]

async function encoderApart() {
  const { benchEncoderApart } = await import('./pooling-encoder-load.ts')
  const figures = await benchEncoderApart()
  const { dearer, dearerFlops, dearerRatio, dearerRatioAtMost } = figures
  const lines = [
    `encoder-apart, ${readsAt(figures)}; ${figures.places}`,
    ...loadLines(figures),
    settingLine('saturated, dearer', dearer),
    `  p99, a tower of ${digits(dearerFlops)} times the FLOPs ÷ base   ${atMost(dearerRatio, dearerRatioAtMost)}`,
  ]
  return { text: lines.join('\n'), figures }
}

async function encoderShared() {
  const { benchEncoderShared } = await import('./pooling-encoder-load.ts')
  const figures = await benchEncoderShared()
  const lines = [`encoder-shared, ${readsAt(figures)}; ${figures.places}`, ...loadLines(figures)]
  return { text: lines.join('\n'), figures }
}

async function eventToRead() {
  const { benchEventToRead } = await import('./pooling-freshness.ts')
  const figures = await benchEventToRead()
  const { p50MsAtMost, p99MsAtMost } = figures
  const bound = ({ median, p90 }: Spread, most: number) =>
    `${digits(median)} ms (p90 ${digits(p90)}; at most ${most}: ${judged(median <= most)})`
  const lines = Object.entries(figures.encoders).flatMap(([name, each]) => [
    `  ${name}: ${whole(each.eventsPerSecond.median)} events/s at ${whole(each.encodePerSecond.median)} refreshes/s; ${whole(each.events)} events, ${each.failed} failed; of ${whole(each.probed)} that were probed, in ${each.steadyWindows} steady windows of ${each.windows}`,
    `    event → read that serves it   p50 ${bound(each.p50Ms, p50MsAtMost)}, p99 ${bound(each.p99Ms, p99MsAtMost)}`,
    `    reads meanwhile               ${whole(each.readsPerSecond)}/s of 100 users, p99 ${digits(each.readP99Ms.median)} ms, ${each.failedReads} failed`,
  ])
  return { text: [`event-to-read; ${figures.places}`, ...lines].join('\n'), figures }
}

async function changes() {
  const { benchChanges, changes: all } = await import('./pooling-changes.ts')
  const figures = await benchChanges()
  const lines = all.map((change) => {
    const { times, reads, failedReads, hitRateBefore, hitRate, p99Ratio, tookMs } = figures.changes[change]
    const points = 100 * (hitRate - hitRateBefore)
    const holds = failedReads === 0 && Math.abs(points) <= figures.hitRatePointsAtMost
    return `  ${change.padEnd(16)}${times} times, took ${digits(tookMs.median)} ms; ${failedReads} of ${whole(reads)} reads failed, hit rate ${(100 * hitRateBefore).toFixed(2)} → ${(100 * hitRate).toFixed(2)} % (0 failed, within ${figures.hitRatePointsAtMost} point: ${judged(holds)}); p99 ${ratio(p99Ratio)}`
  })
  const head = `changes, ${readsAt(figures)}, ${whole(figures.offersPerSecond)} refreshes/s; ${figures.places}`
  return { text: [head, ...lines].join('\n'), figures }
}

async function overload() {
  const { benchOverload } = await import('./pooling-overload.ts')
  const figures = await benchOverload()
  const { offersPerSecond, encodePerSecond, before, overload, lasting } = figures
  const lines = [
    `overload, ${readsAt(figures)}, ${whole(offersPerSecond)} refreshes/s offered at ${whole(encodePerSecond)}; ${figures.places}`,
    settingLine('before', before),
    settingLine('overloaded', overload),
    `  p99, overloaded ÷ before   ${atMost(figures.ratio, figures.ratioAtMost)}`,
    `  in ${lasting.seconds} s   ${whole(lasting.offers)} offered, ${whole(lasting.shed)} shed, ${whole(lasting.refreshes)} landed; oldest embedding ${digits(lasting.oldestS)} s, ${digits(lasting.inTurnS)} if in turn`,
  ]
  return { text: lines.join('\n'), figures }
}

async function overloadReads() {
  const { benchOverloadReads } = await import('./pooling-overload-reads.ts')
  const figures = await benchOverloadReads(progress)
  const { p99RatioAtMost, goodputAtLeast, memoryRatioAtMost } = figures
  const lines = figures.byConnections.flatMap((each) => {
    const { p99Ratio, goodput, memoryRatio, firstMinuteBytes, lastMinuteBytes, failures } = each
    const failed = Object.entries(failures).map(([failure, count]) => `${whole(count)} × ${failure}`)
    return [
      `  ${whole(each.connections)} connections, ${whole(figures.overload * each.capacity.median)} requests/s offered at ${whole(each.capacity.median)}; ${failed.join(', ')}`,
      `    p99 of answers      ${digits(each.p99Ms.median)} ms, p50 ${digits(each.p50Ms.median)}; at 70 % ${digits(each.at70P99Ms.median)} ms, ${each.at70Failed} failed; ${ratio(p99Ratio)} (at most ${p99RatioAtMost}: ${judged(p99Ratio.median <= p99RatioAtMost)})`,
      `    answers in ${figures.deadlineMs / 1_000} s      ${ratio(goodput)} of capacity (at least ${goodputAtLeast}: ${judged(goodput.median >= goodputAtLeast)})`,
      `    memory              ${megabytes(firstMinuteBytes)} → ${megabytes(lastMinuteBytes)}, ${memoryRatio.toFixed(2)} × (at most ${memoryRatioAtMost}: ${judged(memoryRatio <= memoryRatioAtMost)})`,
      `    the load            ${percent(each.loadCpu.median)} of a core, late p99 ${digits(each.loadLateP99Ms.median)} ms`,
    ]
  })
  const head = `overload-reads, ${figures.usersACall} users and ${figures.models} models a call; ${figures.pinning}`
  return { text: [head, ...lines].join('\n'), figures }
}

export const refreshSections: readonly Section[] = [
  { name: 'encoder-apart', run: encoderApart },
  { name: 'encoder-shared', run: encoderShared },
  { name: 'event-to-read', run: eventToRead },
  { name: 'changes', run: changes },
  { name: 'overload', run: overload },
  { name: 'overload-reads', run: overloadReads },
]
