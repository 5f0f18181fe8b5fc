/** The upstream's own prediction: both towers of a snapshot, with the user's features as of what is served. */
import type { FeatureSpace, SideBatch } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { declareTower, snapshotConfig, Weights, writeWeights } from '@headwater/runtime'
import { readSnapshot } from '@headwater/snapshot'
import { allocateExamples, Scorer } from '@headwater/training'
import type { CaptureEncoder } from './as-of-replay.ts'
import { copyRow } from './copy-row.ts'

/** Keeps users' features themselves. */
export function userRows(space: FeatureSpace): CaptureEncoder<SideBatch> {
  return {
    encode: async (_, batch, users) =>
      users.map((__, row) => {
        const own = space.allocate('user', 1)
        copyRow(space.user, batch, row, own, 0)
        return own
      }),
  }
}

const scoredRows = 512

/**
 * Scores rows by the snapshot that made what is served to them, in batches.
 * @param logits of the first task, filled by place as rows are scored
 */
export async function openHeads(
  device: GpuDevice,
  space: FeatureSpace,
  directories: readonly string[],
  logits: Float32Array,
) {
  const heads = await Promise.all(
    directories.map(async (directory) => {
      const snapshot = await readSnapshot(directory)
      const tower = declareTower(space.user, space.item, space.tasks.length, snapshotConfig(snapshot))
      const weights = new Weights(device, tower.set, false)
      writeWeights(weights, snapshot)
      const scorer = new Scorer(device, tower, weights, scoredRows)
      return { scorer, weights, batch: allocateExamples(space, scoredRows), places: [] as number[] }
    }),
  )
  const score = async ({ scorer, batch, places }: (typeof heads)[number]) => {
    if (places.length === 0) return
    const scored = await scorer.score({ ...batch, rows: places.length })
    for (const [row, place] of places.entries()) logits[place] = scored[row * space.tasks.length]
    places.length = 0
  }
  return {
    /** @param snapshot place of the one that scores the row */
    add: async (snapshot: number, user: SideBatch, item: SideBatch, itemRow: number, place: number) => {
      const head = heads[snapshot]
      const { batch, places } = head
      copyRow(space.user, user, 0, batch.user, places.length)
      copyRow(space.item, item, itemRow, batch.item, places.length)
      places.push(place)
      if (places.length === scoredRows) await score(head)
    },
    /** Scores what waits. */
    finish: async () => {
      for (const head of heads) await score(head)
    },
    dispose: () => {
      for (const { scorer, weights } of heads) {
        scorer.dispose()
        weights.dispose()
      }
    },
  }
}
