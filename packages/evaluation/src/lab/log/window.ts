/** Which rows of a log are scored: those that settings are chosen by, or those that are read at the end. */
import type { AnySyntheticWorld } from '@headwater/datasets'
import type { LabSettings } from './settings.ts'

/**
 * - `tune`: the rows from 72 to 90 % of the log, which is cut there: nothing of what follows can be seen
 * - `final`: the last tenth
 */
export type Window = 'tune' | 'final'

/** Part of a log's rows where the rows begin and end by which settings are chosen. */
const tuned = { from: 0.72, to: 0.9 }

/** Part of the rows that the window knows. */
export const knownShare = (window: Window | undefined): number => (window === 'tune' ? tuned.to : 1)

/** Settings for the part of the log that the window knows: snapshots lie at the same rows as in the whole log, about. */
export function windowSettings(settings: LabSettings, window: Window | undefined): LabSettings {
  if (window === undefined) return settings
  if (window === 'final') return { ...settings, testShare: 0.1 }
  const { firstShare, snapshots } = settings
  return {
    ...settings,
    testShare: (tuned.to - tuned.from) / tuned.to,
    firstShare: firstShare / tuned.to,
    snapshots: Math.max(1, Math.round((snapshots * (tuned.to - firstShare)) / (1 - firstShare))),
  }
}

/** The days of a world that the window knows. */
export function windowWorld<World extends AnySyntheticWorld>(world: World, window: Window | undefined): World {
  const days = Math.floor(world.setting.days * knownShare(window))
  return { ...world, setting: { ...world.setting, days } }
}
