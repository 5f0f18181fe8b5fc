export { registerClusterMetrics } from './node/cluster-metrics.ts'
export { type ClusterNode, type ClusterOptions, joinCluster, type QueueFigures } from './node/cluster-node.ts'
export { PublisherConflictError, SnapshotFetchError } from './node/errors.ts'
export type { DeadReason, QueueLook, QueueName, QueueSum } from './queue/shared-queue.ts'
export { mirrorSnapshots, type SnapshotMirror, type SnapshotMirrorOptions } from './snapshots/snapshot-mirror.ts'
export {
  publishSnapshots,
  type SnapshotPublisher,
  type SnapshotPublisherOptions,
} from './snapshots/snapshot-publisher.ts'
