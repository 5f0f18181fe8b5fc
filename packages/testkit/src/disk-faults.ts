/** Processes that are killed, or find the disk full, at each of their renames and syncs; and disks that are full or away. Needs no root, and no C compiler. */
export { type CrashCounts, type CrashScenario, crashAtEachCall } from './disk-faults/crash-scenario.ts'
export type { DiskFault } from './disk-faults/disk-fault.ts'
export { type FaultedProcess, runWithFault } from './disk-faults/faulted-process.ts'
export { mountSmallDisks, type SmallDisks } from './disk-faults/small-disks.ts'
