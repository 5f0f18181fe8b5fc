export type { Log, TimeRange } from './log/log.ts'
export { type BadRow, LogError } from './log/log-error.ts'
export { type OpenLogOptions, openLog, readSchema } from './open/open-log.ts'
export { openSyntheticLog } from './synthetic/synthetic-log.ts'
export { syntheticSettings } from './synthetic/synthetic-source.ts'
export type { SyntheticImpression } from './synthetic/topics/day.ts'
export { syntheticEvents, syntheticInterests, syntheticWorld } from './synthetic/topics/events.ts'
export {
  conversionSetting,
  largeSetting,
  mediumSetting,
  referenceSetting,
  type SyntheticConversions,
  type SyntheticOptions,
  type SyntheticSetting,
  smallSetting,
} from './synthetic/topics/setting.ts'
export type { SyntheticAd, SyntheticWorld } from './synthetic/topics/world.ts'
export { type WrittenSyntheticLog, writeSyntheticLog } from './synthetic/write-synthetic-log.ts'
