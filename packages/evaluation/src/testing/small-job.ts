import { presets } from '@headwater/runtime'
import { defaultSettings, type MainJobSettings } from '../experiments/main-job/settings.ts'
import type { Stages } from '../progress/stages.ts'
import { minuteMs } from './small-log.ts'

const { small } = presets

/** The main job with a tiny tower and four snapshots. Refreshes land three minutes late, onto other events' minutes. */
export const smallSettings: MainJobSettings = {
  ...defaultSettings,
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
  training: { ...defaultSettings.training, batchRows: 128 },
  firstShare: 0.6,
  roundShare: 0.1,
  pooling: { count: 3, maxLagMs: 100 * minuteMs },
  refreshDelayMs: 3 * minuteMs,
  panelUsers: 20,
  timedReads: 200,
  timedEvents: 5,
}

export const silent: Stages = { begin() {}, advance() {}, end() {} }
