/**
 * Downstream models that differ only in the served embeddings, evaluated progressively: every batch is predicted by the
 * weights that all rows before it left behind, and then trained on, from the log's first row to its last.
 */
import {
  bucketOf,
  type FeatureSpace,
  type LogEvent,
  Replay,
  type SideBatch,
  schemaDefaults,
  timeGroups,
} from '@headwater/features'
import { type GpuDevice, Pacer } from '@headwater/gpu'
import { servedStatus } from '@headwater/pooling'
import type { Rates } from '@headwater/training'
import { stepRows } from '../../downstream/family.ts'
import { RankingModel, rankingModelDefaults } from '../../downstream/ranking-model.ts'
import { ServedLogError, type ServedRow, type ServedVector } from '../../replay/served-log.ts'
import type { Arm } from '../../report/main-job/result.ts'

/** Where an arm finds its embedding in a served row; null for the arm without one. */
export interface ArmSource {
  readonly arm: Arm
  readonly pick: ((models: readonly ServedVector[]) => { vector: Float32Array; about: ServedVector }) | null
}

interface ProgressiveOptions {
  readonly dim: number
  readonly seed: number
  readonly batchRows?: number
  readonly rates?: Rates
}

/** Every row of the log with each arm's prediction. */
export interface ArmPredictions {
  /** 0/1 of the first task. */
  readonly labels: Uint8Array
  /** Users, numbered. */
  readonly users: Uint32Array
  /** Events that the row's user had before it. */
  readonly earlierEvents: Uint32Array
  readonly timeMs: Float64Array
  readonly logits: Record<Arm, Float32Array>
  readonly userCount: number
  readonly itemCount: number
}

/** Columns that tell a served vector's state: served at all, stale, log of its age. */
const flagNames = ['served', 'served.stale', 'served.age'] as const
const stepsPerReadback = 64

/**
 * @param served a row for each of the log's, from the first served one to the log's end; rows before it have no embedding
 * @throws ServedLogError where it has rows that are not the log's
 */
export async function evaluateArms(
  device: GpuDevice,
  space: FeatureSpace,
  log: { readonly rows: number; events(): AsyncIterable<LogEvent[]> },
  served: AsyncGenerator<ServedRow>,
  sources: readonly ArmSource[],
  options: ProgressiveOptions,
  onProgress?: (done: number, total: number) => void,
  signal?: AbortSignal,
): Promise<ArmPredictions> {
  const { dim, batchRows = stepRows } = options
  const { schema } = space
  const userBuckets = schema.userBuckets ?? schemaDefaults.userBuckets
  const bags = [{ name: 'user', buckets: userBuckets, maxValues: 1 }, ...space.item.bags]
  const plainWidth = space.item.dense.length
  const flaggedWidth = plainWidth + flagNames.length
  const arms = sources.map(({ arm, pick }) => ({
    arm,
    pick,
    model: new RankingModel(
      device,
      { dense: pick ? [...space.item.dense, ...flagNames] : space.item.dense, bags, sequence: null },
      { ...rankingModelDefaults, ...options, rows: batchRows, embeddingDim: pick ? dim : 0, steps: stepsPerReadback },
    ),
    embeddings: new Float32Array(pick ? batchRows * dim : 0),
    dense: new Float32Array(pick ? batchRows * flaggedWidth : 0),
    logits: new Float32Array(log.rows),
  }))

  const labels = new Uint8Array(log.rows)
  const users = new Uint32Array(log.rows)
  const earlierEvents = new Uint32Array(log.rows)
  const timeMs = new Float64Array(log.rows)
  const userNumbers = new Map<string, number>()
  const items = new Set<string>()
  const eventCounts: number[] = []

  const replay = new Replay(space)
  const batch = space.allocate('item', batchRows)
  const userBag = { ids: new Uint32Array(batchRows), lengths: new Uint32Array(batchRows).fill(1) }
  const batchLabels = new Float32Array(batchRows)
  const pacer = new Pacer(device)
  let row = 0
  let filled = 0
  let steps = 0
  let collected = 0
  let next = await served.next()

  const encode = (event: LogEvent, servedModels: readonly ServedVector[] | null) => {
    space.encodeItem(batch, filled, replay.itemState(event.item), event)
    labels[row] = space.rankedLabel(event)
    batchLabels[filled] = labels[row]
    timeMs[row] = event.timeMs
    userBag.ids[filled] = bucketOf('user', event.user, userBuckets)
    let user = userNumbers.get(event.user)
    if (user === undefined) {
      user = userNumbers.size
      userNumbers.set(event.user, user)
      eventCounts.push(0)
    }
    users[row] = user
    earlierEvents[row] = eventCounts[user]
    items.add(event.item)
    for (const { pick, embeddings, dense } of arms) {
      if (!pick) continue
      const flags = filled * flaggedWidth + plainWidth
      dense.set(batch.dense.subarray(filled * plainWidth, (filled + 1) * plainWidth), filled * flaggedWidth)
      dense.fill(0, flags, flags + flagNames.length)
      embeddings.fill(0, filled * dim, (filled + 1) * dim)
      if (!servedModels) continue
      const { vector, about } = pick(servedModels)
      if (about.status === servedStatus.default) continue
      embeddings.set(vector, filled * dim)
      dense[flags] = 1
      dense[flags + 1] = about.status === servedStatus.stale ? 1 : 0
      dense[flags + 2] = Math.log1p(about.ageMs / 1000) / 16
    }
    row++
    filled++
  }

  const collect = async () => {
    for (const { model, logits } of arms) logits.set(await model.logits(), collected)
    collected = row
  }

  const step = async () => {
    signal?.throwIfAborted()
    if (steps > 0) await pacer.done()
    const inputs: SideBatch = { ...batch, rows: filled, bags: [userBag, ...batch.bags] }
    for (const { model, pick, embeddings, dense } of arms)
      model.step(pick ? { ...inputs, dense } : inputs, pick ? embeddings : null, batchLabels)
    pacer.submitted()
    filled = 0
    if (++steps % stepsPerReadback === 0) await collect()
    onProgress?.(row, log.rows)
  }

  try {
    for await (const group of timeGroups(log.events())) {
      // Rows of equal time are not earlier than one another, so they share a step as long as they fit one.
      if (filled > 0 && filled + group.length > batchRows) await step()
      for (const event of group) {
        const isServed = !next.done && next.value.user === event.user && next.value.timeMs === event.timeMs
        encode(event, isServed ? next.value.models : null)
        if (isServed) next = await served.next()
        if (filled === batchRows) await step()
      }
      for (const event of group) eventCounts[userNumbers.get(event.user)!]++
      replay.ingest(group)
    }
    if (filled > 0) await step()
    if (collected < row) await collect()
    if (!next.done)
      throw new ServedLogError(`what was served at ${next.value.timeMs} to ${next.value.user} is no row of the log`)
  } finally {
    await served.return(undefined)
    for (const { model } of arms) model.dispose()
  }
  return {
    labels,
    users,
    earlierEvents,
    timeMs,
    logits: Object.fromEntries(arms.map(({ arm, logits }) => [arm, logits])) as Record<Arm, Float32Array>,
    userCount: userNumbers.size,
    itemCount: items.size,
  }
}
