import { readFileSync } from 'node:fs'
import { StoreBusyError } from '../errors.ts'

/**
 * The process that may write, as kept in the store. Its start time tells it from a later one of the same number, the
 * machine's boot from one of an earlier boot.
 */
interface Claim {
  readonly pid: number
  readonly startedAt: string
  readonly boot: string
}

/**
 * Checks the claim that is held and returns the one to put in its place. Call inside the store's write transaction, so
 * that of two processes one sees the other's claim. Processes must see each other's numbers: one store, one machine, one
 * process namespace.
 *
 * @throws StoreBusyError while the holder lives
 */
export function renewClaim(path: string, held: Uint8Array | undefined): Uint8Array {
  if (held !== undefined) {
    const claim: Claim = JSON.parse(Buffer.from(held).toString())
    if (isAlive(claim)) throw new StoreBusyError(path, claim.pid)
  }
  const own: Claim = { pid: process.pid, startedAt: startedAt(process.pid), boot: boot() }
  return Buffer.from(JSON.stringify(own))
}

function isAlive(claim: Claim): boolean {
  if (claim.boot !== boot()) return false
  try {
    process.kill(claim.pid, 0)
  } catch (error) {
    // EPERM: it lives, under another account.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return startedAt(claim.pid) === claim.startedAt
}

/** Start time in clock ticks since boot where /proc tells it, else empty. */
function startedAt(pid: number): string {
  try {
    // The command name before it may hold spaces and parentheses.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return ''
  }
}

/** Names the machine's boot where Linux tells it, else empty. */
function boot(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return ''
  }
}
