export type { BagLayout, SequenceCategory, SideBatch, SideLayout } from './batch/batch.ts'
export { arraysOf, type BatchArray, batchArrays, batchOf, batchRows } from './batch/batch-arrays.ts'
export { BatchError, BatchNumberError, checkNumbers } from './batch/side-batch.ts'
export { bucketOf } from './events/bucket.ts'
export { type Draw, type FieldValue, happened, type LogEvent } from './events/event.ts'
export { EventError } from './events/event-values.ts'
export { murmur3 } from './events/murmur3.ts'
export { basketsOf, LiveItems } from './negatives/live-items.ts'
export { groupsByTime, Replay, type ReplayBatch, ReplayMemoryError } from './replay/replay.ts'
export { timeGroups } from './replay/time-groups.ts'
export { parseSchema } from './schema/parse-schema.ts'
export type {
  Aggregation,
  AggregationKind,
  Field,
  FieldOwner,
  FieldType,
  Negatives,
  Schema,
  SequenceFeature,
  Task,
} from './schema/schema.ts'
export { schemaDefaults } from './schema/schema-defaults.ts'
export { SchemaError } from './schema/schema-error.ts'
export { compileFeatures, type FeatureSpace, type LabelTask } from './space/feature-space.ts'
export { StateError } from './space/state-image.ts'
