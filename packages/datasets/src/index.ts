export type { ColumnProfile } from './inspection/columns/profile.ts'
export { type Inspection, inspectLog } from './inspection/inspect-log.ts'
export type { KnownRoles, Proposal } from './inspection/proposal/propose-schema.ts'
export type { RoleChanges } from './inspection/roles/change-roles.ts'
export type { FieldRole, Roles } from './inspection/roles/find-roles.ts'
export type { Log, TimeRange } from './log/log.ts'
export { type BadRow, LogError } from './log/log-error.ts'
export { type OpenLogOptions, openLog, readSchema } from './open/open-log.ts'
export type { HiddenImpression } from './synthetic/hidden/day.ts'
export { orderEffect, type PastClick } from './synthetic/hidden/order-effects.ts'
export {
  type HiddenSetting,
  hiddenLargeSetting,
  hiddenMediumSetting,
  hiddenSetting,
} from './synthetic/hidden/setting.ts'
export { hiddenEvents } from './synthetic/hidden/source.ts'
export { type HiddenWorld, hiddenWorld } from './synthetic/hidden/world.ts'
export { openSyntheticLog } from './synthetic/synthetic-log.ts'
export {
  type AnySyntheticSetting,
  type AnySyntheticWorld,
  syntheticSettings,
  worldOf,
} from './synthetic/synthetic-source.ts'
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
export { readTruth } from './synthetic/truth.ts'
export { type WrittenSyntheticLog, writeSyntheticLog } from './synthetic/write-synthetic-log.ts'
