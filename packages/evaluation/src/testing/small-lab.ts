/** Experiments with a tiny tower and three snapshots. */
import type { AnySyntheticWorld, Log } from '@headwater/datasets'
import { checkTestWindow, type LabLog, readLabLog } from '../lab/log/lab-log.ts'
import { type LabSettings, realLab } from '../lab/log/settings.ts'
import { smallSettings } from './small-job.ts'
import { minuteMs } from './small-log.ts'

export const smallLab: LabSettings = {
  ...realLab,
  preset: 'test',
  config: smallSettings.config,
  training: { ...realLab.training, batchRows: 128 },
  firstShare: 0.4,
  snapshots: 3,
  testShare: 0.3,
  refreshDelayMs: 3 * minuteMs,
}

export async function readSmallLab(log: Log, world: AnySyntheticWorld | null = null): Promise<LabLog> {
  const lab = await readLabLog(log, 'a test', smallLab, world)
  checkTestWindow(lab)
  return lab
}
