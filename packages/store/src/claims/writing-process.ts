import { readFileSync } from 'node:fs'

/**
 * A process that may write. Its start time tells it from a later one of the same number, the machine's boot from one of an
 * earlier boot. Processes must see each other's numbers: one machine, one process namespace.
 */
export interface WritingProcess {
  readonly pid: number
  readonly startedAt: string
  readonly boot: string
}

export function thisProcess(): WritingProcess {
  return { pid: process.pid, startedAt: startedAt(process.pid), boot: boot() }
}

export function isAlive(claimant: WritingProcess): boolean {
  if (claimant.boot !== boot()) return false
  try {
    process.kill(claimant.pid, 0)
  } catch (error) {
    // EPERM: it lives, under another account.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return startedAt(claimant.pid) === claimant.startedAt
}

/** Start time in clock ticks since boot, from /proc; empty where there is none. */
function startedAt(pid: number): string {
  try {
    // The command name before it may hold spaces and parentheses.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return ''
  }
}

/** An identifier of the machine's boot, from Linux; empty elsewhere. */
function boot(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return ''
  }
}
