export { moduleWorker } from './module-worker.ts'
export { RowError, RowWorkersError } from './row-error.ts'
export { createRowWorkers, type RowWorkers, type RowWorkersOptions } from './row-workers.ts'
