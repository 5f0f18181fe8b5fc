/** Ranking models that differ only in which of the served vectors they see, over one log. */
import type { FeatureSpace } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { servedStatus } from '@headwater/pooling'
import type { ReplayedBlock } from '../replay/blocks.ts'
import type { ServedVector } from '../replay/served-log.ts'
import type { DownstreamSpec } from './family.ts'
import { addToEach, ProgressiveRun } from './progressive-run.ts'
import type { Served } from './rows.ts'

/** Where a model finds its vector among those that were served to a row; null for the model without one. */
export interface ServedChoice {
  readonly name: string
  readonly pick: ((models: readonly ServedVector[]) => { vector: Float32Array; about: ServedVector }) | null
}

export interface EvaluateServedOptions {
  readonly device: GpuDevice
  readonly space: FeatureSpace
  readonly spec: DownstreamSpec
  readonly choices: readonly ServedChoice[]
  /** Numbers of a vector. */
  readonly dim: number
  readonly seed: number
  /** Of the usual learning rate. Default 1. */
  readonly rateFactor?: number
  /** Sees each block when the models have. */
  readonly onBlock?: (block: Pick<ReplayedBlock<unknown>, 'events'>) => void
}

/**
 * Logits of every row of the log, by the choice's name.
 * @throws what the blocks, the log's labels and the device throw
 */
export async function evaluateServed(
  blocks: AsyncIterable<ReplayedBlock<readonly ServedVector[] | null>>,
  { choices, dim, onBlock, ...options }: EvaluateServedOptions,
): Promise<Record<string, Float32Array>> {
  const runs = choices.map(({ name, pick }) => ({
    name,
    pick,
    run: new ProgressiveRun({
      ...options,
      dim: pick ? dim : 0,
      flags: pick ? ['served', 'served.stale', 'served.age'] : [],
      keptFrom: 0,
    }),
  }))
  try {
    for await (const block of blocks) {
      const servedTo = (pick: ServedChoice['pick']) =>
        block.held.map((models) => (pick && models ? servedBy(pick(models)) : null))
      await addToEach(
        block,
        runs.map(({ pick, run }) => [run, servedTo(pick)]),
      )
      onBlock?.(block)
    }
    const logits: Record<string, Float32Array> = {}
    for (const { name, run } of runs) logits[name] = await run.finish()
    return logits
  } finally {
    for (const { run } of runs) run.dispose()
  }
}

/** A default vector is served to whom nothing is held of: it tells nothing. */
function servedBy({ vector, about }: { vector: Float32Array; about: ServedVector }): Served | null {
  if (about.status === servedStatus.default) return null
  return { vector, ageMs: about.ageMs, stale: about.status === servedStatus.stale }
}
