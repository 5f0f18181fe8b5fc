/** Ranking models that differ only in what they are given of a row's user, over one log. */
import type { FeatureSpace } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { servedStatus } from '@headwater/pooling'
import type { ReplayedBlock } from '../replay/blocks.ts'
import type { KnownOfUser, ServedVector } from '../replay/served-log.ts'
import type { DownstreamSpec } from './family.ts'
import { ProgressiveRun } from './progressive-run.ts'
import type { RankingSettings } from './ranking-settings.ts'
import type { Flag, Served } from './rows.ts'

/** What a model is given of a row's user. */
export interface ServedChoice {
  readonly name: string
  /** Numbers of a vector; 0 for none. */
  readonly dim: number
  /** Of the vector's state. */
  readonly flags: readonly Flag[]
  /** Null for nothing. */
  readonly give: (known: KnownOfUser) => Served | null
}

/** A model that is given nothing. */
export const nothing: Omit<ServedChoice, 'name'> = { dim: 0, flags: [], give: () => null }

/**
 * A model that is given a vector of those that were served, with its state.
 * @param pick among the served models
 */
export function servedVector(
  dim: number,
  pick: (models: readonly ServedVector[]) => { readonly vector: Float32Array; readonly about: ServedVector },
): Omit<ServedChoice, 'name'> {
  return {
    dim,
    flags: ['served', 'served.stale', 'served.age'],
    give: ({ models }) => {
      if (models === null) return null
      const { vector, about } = pick(models)
      // A default vector is served to whom nothing is held of: it tells nothing.
      if (about.status === servedStatus.default) return null
      return { vector, ageMs: about.ageMs, stale: about.status === servedStatus.stale }
    },
  }
}

/** A model that is given the user's features as of the row, from the first row on: they wait for no snapshot. */
export function givenFeatures(dim: number): Omit<ServedChoice, 'name'> {
  return { dim, flags: [], give: ({ features }) => ({ vector: features!, ageMs: 0 }) }
}

export interface EvaluateServedOptions {
  readonly device: GpuDevice
  readonly space: FeatureSpace
  readonly spec: DownstreamSpec
  readonly choices: readonly ServedChoice[]
  readonly seed: number
  /** Of all models alike. Default: the usual ones. */
  readonly ranking?: RankingSettings
  /** Sees each block when the models have. */
  readonly onBlock?: (block: Pick<ReplayedBlock<unknown>, 'events'>) => void
}

export interface ServedEvaluation {
  /** Of every row of the log whose label is known. */
  readonly logits: Float32Array
  /** Of the blocks' choices, the rank of what was taken. */
  readonly ranks: readonly number[]
  /** Wall-clock seconds of the model alone: what is served to it is made for all. */
  readonly seconds: number
}

/**
 * What each of the choices comes to, by its name.
 * @throws what the blocks, the log's labels and the device throw
 */
export async function evaluateServed(
  blocks: AsyncIterable<ReplayedBlock<KnownOfUser>>,
  { choices, onBlock, ...options }: EvaluateServedOptions,
): Promise<Record<string, ServedEvaluation>> {
  const runs = choices.map(({ name, dim, flags, give }) => ({
    name,
    give,
    run: new ProgressiveRun({ ...options, dim, flags, keptFrom: 0 }),
    ms: 0,
  }))
  try {
    for await (const block of blocks) {
      // One after the other, so that it is known what each takes: the device has steps waiting all the while.
      for (const own of runs) {
        const startedMs = performance.now()
        await own.run.add(block, block.held.map(own.give))
        own.ms += performance.now() - startedMs
      }
      onBlock?.(block)
    }
    const found: Record<string, ServedEvaluation> = {}
    for (const { name, run, ms } of runs) {
      const startedMs = performance.now()
      const { best, ranks } = await run.finish()
      found[name] = { logits: best, ranks, seconds: (ms + performance.now() - startedMs) / 1000 }
    }
    return found
  } finally {
    for (const { run } of runs) run.dispose()
  }
}
