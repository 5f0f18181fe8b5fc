/** What the arms that are left will take, from a pilot on the log's first rows. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describeModel } from '@headwater/training'
import type { Arm, ArmContext } from '../lab/arms/arm.ts'
import { contentHash } from '../lab/cache/content-hash.ts'
import { LabCache } from '../lab/cache/lab-cache.ts'
import { firstRows } from '../lab/log/first-rows.ts'
import { type LabLog, readLabRows } from '../lab/log/lab-log.ts'
import type { UpstreamPlan } from '../lab/upstream/upstream.ts'
import { labOf } from '../lab/upstream/variant.ts'
import { silentStages } from '../progress/stages.ts'

/** Rows of a pilot at most, and what part of the log's it may be. */
const pilotRows = 4000
const pilotShare = 0.1
/** A log of fewer rows is run as fast as a pilot would be. */
const leastRows = 5000
const pilotSnapshots = 2

export interface Estimate {
  readonly arms: number
  readonly upstreams: number
  /** Null where the log is too short for a pilot. */
  readonly seconds: number | null
}

/**
 * Runs an arm that is left, with its upstream, on the log's first rows: once to compile, then twice on half of them and
 * twice on all, which tells what a row takes and what is to be paid whatever the rows. Other arms are taken to need as much,
 * and other upstreams as much a floating-point operation: that tells minutes from hours, and hours from days. It is the arm of
 * the dearest upstream, as one that passes most rows over would tell what reading them takes.
 */
export async function estimate(arms: readonly Arm[], cache: LabCache, context: ArmContext): Promise<Estimate> {
  const left = arms.filter((arm) => !cache.has(arm))
  const upstreams = upstreamsOf(left).filter((plan) => !cache.hasUpstream(plan))
  const { lab } = context
  const works = left.flatMap((arm) => (arm.upstream ? { arm, work: trainingWork(lab, arm.upstream) } : []))
  const [sample] = works.sort((a, b) => b.work - a.work)
  const counts = { arms: left.length, upstreams: upstreams.length }
  if (sample === undefined || lab.log.rows < leastRows) return { ...counts, seconds: null }
  const most = Math.min(pilotRows, Math.round(lab.log.rows * pilotShare))
  const half = most >> 1
  const directory = join(cache.directory, 'pilot')
  const runs: PilotSeconds[] = []
  try {
    for (const rows of [half, half, half, most, most]) {
      rmSync(directory, { recursive: true, force: true })
      runs.push(await pilot(sample.arm, directory, rows, context))
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
  const [, ...pilots] = runs
  const seconds = (of: keyof PilotSeconds, snapshots: number) => {
    const took = pilots.map((own) => own[of])
    const { perRow, fixed } = pilotCost(took, half, most)
    return fixed * snapshots + perRow * lab.log.rows
  }
  const { snapshots } = lab.settings
  const work = upstreams.reduce((sum, plan) => sum + trainingWork(lab, plan) / sample.work, 0)
  const ofUpstreams = work * seconds('upstream', snapshots / pilotSnapshots)
  return { ...counts, seconds: left.length * seconds('arm', 1) + ofUpstreams }
}

/**
 * Seconds a row, and seconds whatever the rows, by two runs on `half` of the rows and then two on all of `most`. Where the
 * longer ones took no longer than runs differ among themselves, all of it is taken to be the rows', so that hours are not
 * announced as minutes.
 */
export function pilotCost(
  [first, second, third, fourth]: readonly number[],
  half: number,
  most: number,
): { readonly perRow: number; readonly fixed: number } {
  const [short, long] = [Math.min(first, second), Math.min(third, fourth)]
  const noise = Math.max(Math.abs(first - second), Math.abs(third - fourth))
  if (long - short <= noise) return { perRow: long / most, fixed: 0 }
  const perRow = (long - short) / (most - half)
  return { perRow, fixed: Math.max(0, short - perRow * half) }
}

/** Of all arms, each once. */
export function upstreamsOf(arms: readonly Arm[]): UpstreamPlan[] {
  return distinct(
    arms.flatMap(({ upstream }) => upstream ?? []),
    contentHash,
  )
}

export function distinct<T>(values: readonly T[], keyOf: (value: T) => string): T[] {
  return [...new Map(values.map((value) => [keyOf(value), value])).values()]
}

/** Floating-point operations of an upstream's training, for each row of the log. */
function trainingWork(lab: LabLog, { variant, start, firstAlone }: UpstreamPlan): number {
  const { space, settings } = labOf(lab, variant)
  const { batchRows } = settings.training
  const { flops } = describeModel(settings.config, space.user, space.item, space.tasks.length, batchRows)
  // A snapshot that begins anew learns from all rows before it: about half of the log, for each of them.
  const passes = firstAlone ? settings.firstShare : start === 'warm' ? 1 : settings.snapshots / 2
  return flops.training * (variant?.learntUsers ?? 1) * passes
}

interface PilotSeconds {
  readonly upstream: number
  readonly arm: number
}

/** Of an arm and its upstream on the log's first rows, of which the last part passes for the test window. */
async function pilot(arm: Arm, directory: string, rows: number, context: ArmContext): Promise<PilotSeconds> {
  const { lab, device } = context
  const part = await firstRows(lab.log, rows)
  const own = await readLabRows({ ...lab, settings: { ...lab.settings, snapshots: pilotSnapshots } }, part)
  const pilotContext = { ...context, lab: own, stages: silentStages }
  const cache = LabCache.on(device, directory, own)
  const startedMs = performance.now()
  await cache.upstream(arm.upstream!, pilotContext)
  const trainedMs = performance.now()
  await cache.run(arm, pilotContext)
  return { upstream: (trainedMs - startedMs) / 1000, arm: (performance.now() - trainedMs) / 1000 }
}
