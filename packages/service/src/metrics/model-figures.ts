/** Figures of models: the snapshots that refreshes go through, and the shadows beside them. */
import type { Pooling } from '@headwater/pooling'
import type { Figures } from '../figures/figures.ts'
import type { ServedModel } from '../options/server-options.ts'

/** Against the snapshot that was served when this one was published, lined up, over its panel. */
const driftFigures = [
  [
    'headwater_snapshot_residual',
    'Share of what tells users apart in the snapshot before that did not carry over.',
    'residual',
  ],
  ['headwater_snapshot_centred_cosine', 'Mean cosine to the snapshot before, each less its mean.', 'centredCosine'],
  [
    'headwater_snapshot_variance_kept',
    'Squared correlation with the snapshot before, each less its mean.',
    'varianceKept',
  ],
  ['headwater_snapshot_effective_rank', 'In how many directions the vectors tell users apart.', 'effectiveRank'],
] as const

export function addModelFigures(figures: Figures, models: readonly ServedModel[], pooling: Pooling): void {
  /** @param read undefined, null or NaN where a model has none now */
  const add = (name: string, help: string, read: (model: ServedModel) => number | null | undefined) =>
    figures.gauges(name, help, ['model'], () =>
      models.flatMap((model) => {
        const value = read(model) ?? Number.NaN
        return Number.isNaN(value) ? [] : [[[model.name], value] as const]
      }),
    )
  add('headwater_snapshot', 'Number of the snapshot that refreshes go through.', ({ name }) => {
    return pooling.latest(name)?.snapshot
  })
  add(
    'headwater_snapshot_data_cutoff_timestamp_seconds',
    'Time before which the events lie that the snapshot was trained on.',
    ({ name }) => (pooling.latest(name)?.dataCutoffMs ?? Number.NaN) / 1000,
  )
  const shadowFigures = [
    ['headwater_shadow_rows', 'Rows that the shadow snapshot computed beside the served one.', 'rows'],
    ['headwater_shadow_cosine_mean', "Mean cosine between the shadow's vectors and the served ones.", 'cosineMean'],
    ['headwater_shadow_cosine_p1', 'The cosine that a hundredth of the rows lies below.', 'cosineP1'],
    ['headwater_shadow_norm_ratio_mean', "Mean of the shadow's norm over the served one's.", 'normRatioMean'],
  ] as const
  for (const [name, help, key] of shadowFigures) {
    add(name, help, ({ control }) => {
      const report = control?.shadow()
      // Before any row was compared its figures are none.
      return report?.rows ? report[key] : null
    })
  }
  add(
    'headwater_snapshot_frame',
    'Number of the snapshot that opened the alignment frame: each change is a frame opened, or gone back to.',
    ({ name }) => pooling.latest(name)?.frame,
  )
  for (const [name, help, key] of driftFigures) add(name, help, ({ control }) => control?.drift()?.[key])
}
