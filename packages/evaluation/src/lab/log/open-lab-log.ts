/** Opens a log as experiments have it: as it is, or a tenth of it. */
import {
  type Log,
  type OpenLogOptions,
  openLog,
  openSyntheticLog,
  type SyntheticSetting,
  syntheticSettings,
  syntheticWorld,
} from '@headwater/datasets'
import { firstRows } from './first-rows.ts'
import { checkTestWindow, type LabLog, readLabLog } from './lab-log.ts'
import { type LabSettings, realLab, syntheticLab } from './settings.ts'

export type { LabLog }

export interface LabSource extends OpenLogOptions {
  /** The log in words. */
  readonly source: string
  /** A tenth of the rows: of a synthetic log a tenth of its users and requests, of another its first rows. */
  readonly quick: boolean
}

/** Part of the rows of a quick run, and its snapshots. */
const quickShare = 0.1
const quickSnapshots = 5

/** @throws ExperimentError as `checkTestWindow`; LogError and SchemaError as `openLog` */
export async function openLabLog({ quick, source, ...options }: LabSource): Promise<LabLog> {
  const { signal, data, seed = 0 } = options
  const settingsOf = (settings: LabSettings) => (quick ? { ...settings, snapshots: quickSnapshots } : settings)
  const whole = syntheticSettings.get(data)
  if (whole !== undefined) {
    const setting = quick ? tenthOf(whole) : whole
    const log = openSyntheticLog({ seed, setting, ...(signal && { signal }) })
    const lab = await readLabLog(
      log,
      source,
      settingsOf(syntheticLab),
      syntheticWorld({ seed, setting }),
      signal,
      quick,
    )
    checkTestWindow(lab)
    return lab
  }
  const log = await openLog(options)
  try {
    const used: Log = quick ? await firstRows(log, Math.round(log.rows * quickShare)) : log
    const lab = await readLabLog(used, source, settingsOf(realLab), null, signal, quick)
    checkTestWindow(lab)
    return lab
  } catch (cause) {
    await log.close()
    throw cause
  }
}

function tenthOf(setting: SyntheticSetting): SyntheticSetting {
  return {
    ...setting,
    users: Math.round(setting.users * quickShare),
    impressionsPerDay: Math.round(setting.impressionsPerDay * quickShare),
  }
}
