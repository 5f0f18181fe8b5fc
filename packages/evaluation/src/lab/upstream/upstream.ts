/** An upstream trained along the log, with every snapshot that it published on the way. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { type LogEvent, timeGroups } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { describeModel, RecurringTraining, type TrainingOptions } from '@headwater/training'
import { onSurface } from '../../downstream/family.ts'
import type { Stages } from '../../progress/stages.ts'
import { formatBytes } from '../../report/format.ts'
import { ExperimentError } from '../log/experiment-error.ts'
import type { LabLog } from '../log/lab-log.ts'
import { type LabelSet, relabelled } from './label-sets.ts'
import { labOf, learntBy, type Variant } from './variant.ts'

/** What decides an upstream beside the log. */
export interface UpstreamPlan {
  readonly seed: number
  /** Whether it is spared the rows of the log's surface that a downstream model then has. */
  readonly withoutSurface: boolean
  /** How a snapshot begins: from the last one's weights, or from new ones on all rows so far. */
  readonly start: 'warm' | 'scratch'
  readonly alignment: TrainingOptions['publication']['alignment']
  /** Null: the lab's own tower and features. */
  readonly variant: Variant | null
  /** What it is taught, each a task of its own. Absent: the schema's tasks on all rows. */
  readonly labels?: readonly LabelSet[]
  /** It publishes its first snapshot and no other. Absent: all of the lab's. */
  readonly firstAlone?: true
}

export interface Publication {
  /** Before which it was published. */
  readonly row: number
  /** Time of the last event before it. */
  readonly publishedMs: number
  /** Relative to the upstream's directory. */
  readonly snapshot: string
  /** Snapshots of one frame share their coordinates. */
  readonly frame: number
}

export interface Upstream {
  /** Where it is kept; the file in it tells the rest. */
  readonly directory: string
  readonly publications: readonly Publication[]
  readonly untrained: string
  readonly towerParameters: number
  /** Rows that the last snapshot was taught, each counted once. */
  readonly taughtRows: number
  /** Floating-point operations of one embedding, and of all training. */
  readonly encodeFlops: number
  readonly trainingFlops: number
}

/** What trains one. */
export const upstreamModule = import.meta.url

const fileName = 'upstream.json'

/** An upstream that was trained before; null where none was. */
export function readUpstream(directory: string): Upstream | null {
  const path = join(directory, fileName)
  if (!existsSync(path)) return null
  return { directory, ...(JSON.parse(readFileSync(path, 'utf8')) as Omit<Upstream, 'directory'>) }
}

/** Which events the upstream has. */
export function upstreamEvents({ space, surface }: LabLog, plan: UpstreamPlan): (event: LogEvent) => boolean {
  if (!plan.withoutSurface || surface === null) return () => true
  const isSurface = onSurface(space, surface)
  return (event) => !isSurface(event)
}

/**
 * Trains an upstream into a directory, which appears whole or not at all.
 * @throws what training, publication and the device throw
 */
export async function trainUpstream(
  device: GpuDevice,
  whole: LabLog,
  plan: UpstreamPlan,
  directory: string,
  stages: Stages,
  signal?: AbortSignal,
): Promise<Upstream> {
  const lab = labOf(whole, plan.variant)
  const { log, settings } = lab
  const { space, feed } = lessonsOf(lab, plan)
  const partial = `${directory}.partial`
  rmSync(partial, { recursive: true, force: true })
  mkdirSync(partial, { recursive: true })
  const { config } = settings
  const publication = { ...settings.training.publication, alignment: plan.alignment }
  const begin = (examples: string, seed: number) =>
    new RecurringTraining(device, space, join(partial, examples), { ...settings.training, config, seed, publication })
  const training = begin('.examples', plan.seed)
  const { batchRows } = training.options
  const { flops } = describeModel(config, space.user, space.item, space.tasks.length, batchRows)
  /** That steps were made of, repeated ones each time. */
  let examples = 0
  let taughtRows = 0
  let untrained = ''
  const publications: Publication[] = []
  const publish = async (own: RecurringTraining, row: number, publishedMs: number) => {
    const { steps } = await own.round(undefined, signal)
    const { directory: published, manifest } = await own.publish(join(partial, 'snapshots'))
    examples += steps * batchRows
    taughtRows = manifest.trainedRows
    publications.push({ row, publishedMs, snapshot: relative(partial, published), frame: manifest.frame })
  }
  /** A snapshot that begins from new weights and learns from all rows before it. */
  const publishFromScratch = async (row: number, publishedMs: number) => {
    const own = begin('.scratch-examples', plan.seed + 1000 * publications.length)
    try {
      for await (const group of timeGroups(log.events())) {
        signal?.throwIfAborted()
        if (group[0].row >= row) break
        feed(own, group)
      }
      await publish(own, row, publishedMs)
    } finally {
      own.dispose()
    }
  }
  try {
    const { recordBytes, sequences } = training.examples
    const rowBytes = recordBytes * (plan.variant?.learntUsers ?? 1) + (sequences?.eventBytes ?? 0)
    checkDisk(partial, rowBytes * log.rows, log.name)
    const due = plan.firstAlone ? lab.publicationRows.slice(0, 1) : [...lab.publicationRows]
    let row = 0
    let lastMs = 0
    stages.begin('upstream', log.rows)
    training.compile(signal)
    for await (const group of timeGroups(log.events())) {
      signal?.throwIfAborted()
      if (due.length === 0) break
      if (row >= due[0]) {
        due.shift()
        if (untrained === '') {
          // It has what the first round's examples are standardized by, and has learnt nothing.
          await training.fitDense()
          untrained = relative(partial, (await training.publish(join(partial, 'untrained'))).directory)
        }
        await (plan.start === 'warm' ? publish(training, row, lastMs) : publishFromScratch(row, lastMs))
      }
      if (plan.start === 'warm') feed(training, group)
      row += group.length
      lastMs = group[group.length - 1].timeMs
      stages.advance(row)
    }
    stages.end()
    const file: Omit<Upstream, 'directory'> = {
      publications,
      untrained,
      towerParameters: training.weights.set.count,
      taughtRows,
      encodeFlops: flops.encoding,
      trainingFlops: flops.training * examples,
    }
    writeFileSync(join(partial, fileName), `${JSON.stringify(file, null, 2)}\n`)
  } finally {
    training.dispose()
  }
  rmSync(directory, { recursive: true, force: true })
  renameSync(partial, directory)
  return readUpstream(directory)!
}

/** @throws ExperimentError where encoded examples may take more than the disk has: hours later there is nothing to mend */
function checkDisk(directory: string, neededBytes: number, log: string): void {
  const { bavail, bsize } = statfsSync(directory)
  const freeBytes = bavail * bsize
  if (neededBytes <= 0.9 * freeBytes) return
  throw new ExperimentError(
    log,
    `an upstream's examples may take ${formatBytes(neededBytes)} on disk, and ${directory} has ${formatBytes(freeBytes)} left`,
    'make room, or give another --out',
  )
}

/** What the upstream learns from, and how a group of events is fed to its training. */
function lessonsOf(lab: LabLog, plan: UpstreamPlan) {
  const has = upstreamEvents(lab, plan)
  const isLearnt = learntBy(plan.variant)
  if (plan.labels === undefined) {
    const feed = (training: RecurringTraining, group: readonly LogEvent[]) =>
      training.feed(group.filter(has), ({ user }) => isLearnt(user))
    return { space: lab.space, feed }
  }
  const { space, relabel, isExample } = relabelled(lab.space, plan.labels)
  const feed = (training: RecurringTraining, group: readonly LogEvent[]) =>
    training.feed(group.filter(has).map(relabel), (event) => isExample(event) && isLearnt(event.user))
  return { space, feed }
}
