import { execFileSync } from 'node:child_process'
import { readlinkSync } from 'node:fs'

/**
 * From now on the calling thread gets only time that no other thread wants, and gives way the moment that one wakes
 * (`SCHED_IDLE`), where at any niceness it would first use up its slice, some milliseconds. On Linux with `chrt`; elsewhere
 * nothing changes.
 */
export function yieldThread(): void {
  try {
    const thread = readlinkSync('/proc/thread-self').split('/').at(-1)!
    execFileSync('chrt', ['--idle', '--pid', '0', thread], { stdio: 'ignore' })
  } catch {
    // Then it has its share like every other thread.
  }
}
