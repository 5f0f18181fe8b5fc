/** When and where the calling thread runs: on Linux with `chrt` and `taskset`; elsewhere nothing changes. */
import { execFileSync } from 'node:child_process'
import { readlinkSync } from 'node:fs'

/**
 * From now on the thread gets only time that no other thread wants, and gives way the moment that one wakes (`SCHED_IDLE`),
 * where at any niceness it would first use up its slice, some milliseconds.
 */
export function yieldThread(): void {
  change('chrt', (thread) => ['--idle', '--pid', '0', thread])
}

/** @param cpus a list, as `taskset -c` takes them */
export function keepThreadTo(cpus: string): void {
  change('taskset', (thread) => ['--cpu-list', '--pid', cpus, thread])
}

function change(program: string, argumentsFor: (thread: string) => readonly string[]): void {
  try {
    const thread = readlinkSync('/proc/thread-self').split('/').at(-1)!
    execFileSync(program, argumentsFor(thread), { stdio: 'ignore' })
  } catch {
    // Then the thread is scheduled like every other.
  }
}
