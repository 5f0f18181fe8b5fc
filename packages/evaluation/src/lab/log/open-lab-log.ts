/** Opens a log as experiments have it: as it is, or a part of it. */
import {
  type AnySyntheticSetting,
  type OpenLogOptions,
  openLog,
  openSyntheticLog,
  readTruth,
  syntheticSettings,
  worldOf,
} from '@headwater/datasets'
import { type Stages, silentStages } from '../../progress/stages.ts'
import { ExperimentError } from './experiment-error.ts'
import { firstRows } from './first-rows.ts'
import { checkTestWindow, type LabLog, readLabLog } from './lab-log.ts'
import { realLab, syntheticLab } from './settings.ts'
import { knownShare, type Window, windowSettings, windowWorld } from './window.ts'

export type { LabLog }

export interface LabSource extends OpenLogOptions {
  /** The log in words. */
  readonly source: string
  /**
   * A tenth of the rows: of a synthetic log a tenth of its users and requests, of another its first rows, or as many of them,
   * by doubling, as a test window needs.
   */
  readonly quick: boolean
  /** Folder of the truth behind `data`, where that is the files of a synthetic log. */
  readonly truth?: string | undefined
  /** Absent: what the lab's settings score of the whole log. */
  readonly window?: Window | undefined
  /** Default: not told. */
  readonly stages?: Stages
}

/** Part of the rows of a quick run, and its snapshots. */
const quickShare = 0.1
const quickSnapshots = 5

/**
 * @throws ExperimentError as `checkTestWindow`, or where the truth is asked of a tenth of a file; LogError and SchemaError as `openLog`;
 *   LogError as `readTruth`
 */
export async function openLabLog({
  quick,
  source,
  window,
  truth,
  stages = silentStages,
  ...options
}: LabSource): Promise<LabLog> {
  const { signal, data, seed = 0 } = options
  if (quick && truth !== undefined)
    throw new ExperimentError(data, 'the truth is of all rows', 'leave --quick out, or --truth')
  const whole = syntheticSettings.get(data)
  const setting = whole && (quick ? tenthOf(whole) : whole)
  stages.begin('log', 0)
  const onProgress = (share: number) => stages.advance(share)
  const opened = setting
    ? openSyntheticLog({ seed, setting, ...(signal && { signal }) })
    : await openLog({ ...options, onProgress })
  stages.end()
  try {
    const generated = setting ? worldOf({ seed, setting }) : null
    const world = truth === undefined ? generated : await readTruth(truth, opened)
    const settings = world ? syntheticLab : realLab
    for (let share = quick && !setting ? quickShare : 1; ; share = Math.min(2 * share, 1)) {
      const used = Math.round(opened.rows * share * knownShare(window))
      const lab = await readLabLog(
        used < opened.rows ? await firstRows(opened, used) : opened,
        source,
        windowSettings(quick ? { ...settings, snapshots: quickSnapshots } : settings, window),
        world && windowWorld(world, window),
        signal,
        quick,
        stages,
      )
      if (share < 1 && !isLongEnough(lab)) continue
      checkTestWindow(lab)
      return lab
    }
  } catch (cause) {
    await opened.close()
    throw cause
  }
}

function isLongEnough(lab: LabLog): boolean {
  try {
    checkTestWindow(lab)
    return true
  } catch (cause) {
    if (cause instanceof ExperimentError) return false
    throw cause
  }
}

function tenthOf(setting: AnySyntheticSetting): AnySyntheticSetting {
  return {
    ...setting,
    users: Math.round(setting.users * quickShare),
    impressionsPerDay: Math.round(setting.impressionsPerDay * quickShare),
  }
}
