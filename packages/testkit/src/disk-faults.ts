/** Processes that are killed, or find the disk full, at each of their renames and syncs. Needs no root, and no C compiler. */
export { type CrashCounts, type CrashScenario, crashAtEachCall } from './disk-faults/crash-scenario.ts'
export type { DiskFault } from './disk-faults/disk-fault.ts'
export { type FaultedProcess, runWithFault } from './disk-faults/faulted-process.ts'
