/** Figures of models: the snapshots that refreshes go through, and the shadows beside them. */
import type { Pooling, ShadowReport } from '@headwater/pooling'
import type { Figures, Labelled } from '../figures/figures.ts'
import type { ServedModel } from '../options/server-options.ts'

export function addModelFigures(figures: Figures, models: readonly ServedModel[], pooling: Pooling): void {
  const labels = ['model']
  const ofLatest = (value: (latest: { snapshot: number; dataCutoffMs: number }) => number) =>
    function* (): Labelled {
      for (const { name } of models) {
        const latest = pooling.latest(name)
        if (latest !== undefined) yield [[name], value(latest)]
      }
    }
  figures.gauges(
    'headwater_snapshot',
    'Number of the snapshot that refreshes go through.',
    labels,
    ofLatest(({ snapshot }) => snapshot),
  )
  figures.gauges(
    'headwater_snapshot_data_cutoff_timestamp_seconds',
    'Time before which the events lie that the snapshot was trained on.',
    labels,
    ofLatest(({ dataCutoffMs }) => dataCutoffMs / 1000),
  )
  const ofShadow = (value: (report: ShadowReport) => number) =>
    function* (): Labelled {
      for (const { name, control } of models) {
        const report = control?.shadow()
        // Before any row was compared its figures are none.
        if (report !== undefined && report !== null && report.rows > 0) yield [[name], value(report)]
      }
    }
  const shadowFigures = [
    ['headwater_shadow_rows', 'Rows that the shadow snapshot computed beside the served one.', 'rows'],
    ['headwater_shadow_cosine_mean', "Mean cosine between the shadow's vectors and the served ones.", 'cosineMean'],
    ['headwater_shadow_cosine_p1', 'The cosine that a hundredth of the rows lies below.', 'cosineP1'],
    ['headwater_shadow_norm_ratio_mean', "Mean of the shadow's norm over the served one's.", 'normRatioMean'],
  ] as const
  for (const [name, help, key] of shadowFigures) {
    figures.gauges(
      name,
      help,
      labels,
      ofShadow((report) => report[key]),
    )
  }
  figures.gauges(
    'headwater_snapshot_cosine_to_previous',
    'Mean cosine to the snapshot that was served when this one was published, over its panel, in one frame.',
    labels,
    function* (): Labelled {
      for (const { name, control } of models) {
        const cosine = control?.cosineToPrevious() ?? null
        if (cosine !== null) yield [[name], cosine]
      }
    },
  )
}
