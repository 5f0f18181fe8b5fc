export type { BagLayout, SequenceCategory, SideBatch, SideLayout } from './batch.ts'
export { batchRows } from './batch-rows.ts'
export { bucketOf } from './bucket.ts'
export type { FieldValue, LogEvent } from './event.ts'
export { EventError } from './event-values.ts'
export { compileFeatures, type FeatureSpace, type LabelTask } from './feature-space.ts'
export { murmur3 } from './murmur3.ts'
export { parseSchema } from './parse-schema.ts'
export { groupsByTime, Replay, type ReplayBatch, ReplayMemoryError } from './replay.ts'
export type {
  Aggregation,
  AggregationKind,
  Field,
  FieldOwner,
  FieldType,
  Schema,
  SequenceFeature,
  Task,
} from './schema.ts'
export { schemaDefaults } from './schema-defaults.ts'
export { SchemaError } from './schema-error.ts'
export { BatchError } from './side-batch.ts'
export { StateError } from './state-image.ts'
export { timeGroups } from './time-groups.ts'
