import { presets } from '@headwater/runtime'
import { mainJobSettings, type ServingPlan, usualServing } from '../experiments/main-job/main-job.ts'
import type { LabSettings } from '../lab/log/settings.ts'
import type { Stages } from '../progress/stages.ts'
import { minuteMs } from './small-log.ts'

const { small } = presets

/** The main job with a tiny tower and four snapshots. Refreshes land three minutes late, onto other events' minutes. */
export const smallSettings: LabSettings & ServingPlan = {
  ...mainJobSettings,
  ...usualServing,
  preset: 'test',
  config: {
    ...small,
    user: {
      ...small.user,
      tokenWidth: 4,
      levels: [{ ...small.user.levels[0], extractors: [{ kind: 'mlp', tokens: 3, hidden: 16 }] }],
    },
    embeddings: { ...small.embeddings, width: 8 },
    mix: { width: 4, interaction: { kind: 'grouped', dots: 2 }, hidden: [8] },
  },
  training: { ...mainJobSettings.training, batchRows: 128 },
  firstShare: 0.6,
  snapshots: 4,
  pooling: { count: 3, maxLagMs: 100 * minuteMs },
  refreshDelayMs: 3 * minuteMs,
  panelUsers: 20,
  timedReads: 200,
  timedEvents: 5,
}

export const silent: Stages = { begin() {}, advance() {}, end() {} }
