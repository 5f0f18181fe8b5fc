/** What a program begins with: the client, and towers, store and pooling in its own process. The packages have the rest. */
export { type Client, createClient } from '@headwater/client'
export { followModel, startEncoder } from '@headwater/encoder'
export {
  compileFeatures,
  type FeatureSpace,
  type FieldValue,
  type LogEvent,
  parseSchema,
  type Schema,
} from '@headwater/features'
export { createPooling, type Pooling, servedStatus, startRefreshing, userFeatures } from '@headwater/pooling'
export { loadTower, type ServedTower } from '@headwater/runtime'
export { createServer } from '@headwater/service'
export { servedSnapshotDirectory } from '@headwater/snapshot'
export { type EmbeddingStore, openStore } from '@headwater/store'
