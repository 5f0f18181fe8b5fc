export type { Log, TimeRange } from './log/log.ts'
export { type BadRow, LogError } from './log/log-error.ts'
export { type OpenLogOptions, openLog, readSchema } from './open/open-log.ts'
export type { SyntheticImpression } from './synthetic/day.ts'
export {
  conversionSetting,
  largeSetting,
  mediumSetting,
  referenceSetting,
  type SyntheticConversions,
  type SyntheticOptions,
  type SyntheticSetting,
  smallSetting,
  syntheticSettings,
} from './synthetic/setting.ts'
export { syntheticEvents, syntheticInterests, syntheticWorld } from './synthetic/synthetic-events.ts'
export { openSyntheticLog } from './synthetic/synthetic-log.ts'
export type { SyntheticAd, SyntheticWorld } from './synthetic/world.ts'
export { type WrittenSyntheticLog, writeSyntheticLog } from './synthetic/write-synthetic-log.ts'
