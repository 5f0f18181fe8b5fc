import { presets } from '@headwater/runtime'
import { defaultTraining } from '@headwater/training'
import type { TrafficSettings } from '../../replay/live-traffic.ts'

/** What the main job does with a log, apart from where it is and which seed. */
export interface MainJobSettings extends TrafficSettings {
  readonly preset: string
  /** Part of the log's rows before the first snapshot. */
  readonly firstShare: number
  /** Part of the log's rows in each later round. */
  readonly roundShare: number
  /** Reads and events of the wall-clock phase. */
  readonly timedReads: number
  readonly timedEvents: number
}

const dayMs = 86_400_000

export const defaultSettings: MainJobSettings = {
  preset: 'small',
  config: presets.small,
  training: defaultTraining,
  firstShare: 0.6,
  roundShare: 0.06,
  pooling: { count: 3, maxLagMs: 3 * dayMs },
  refreshDelayMs: 1000,
  panelUsers: 2000,
  timedReads: 20_000,
  timedEvents: 200,
}

/** First row of each round's serving: the row before which the round's snapshot is published. */
export function publicationRows(rows: number, { firstShare, roundShare }: MainJobSettings): number[] {
  const published: number[] = []
  for (let share = firstShare; share < 1 - 1e-9; share += roundShare) published.push(Math.round(rows * share))
  return published
}
