import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Claims a directory for this process to write into. A claim is an empty file that is named after its process, and is laid
 * before others are looked for, so that of two processes at least one sees the other: never do both get in, though of
 * two at the same instant it may be that neither does. Only claims of processes that have ended are removed, and a name
 * is never that of a later process. Processes must see each other's numbers: one machine, one process namespace.
 *
 * @returns what gives the directory back; or, where it is claimed already, the number of the process that has it
 * @throws what the file system does, where the directory cannot be read or written
 */
export function claimDirectory(directory: string): (() => void) | number {
  const own = claimName(process.pid)
  const path = join(directory, own)
  try {
    writeFileSync(path, '', { flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return process.pid
    throw error
  }
  const release = () => rmSync(path, { force: true })
  try {
    for (const name of readdirSync(directory)) {
      const [, pid] = /^\.writer-(\d+)-\d*-.*$/.exec(name) ?? []
      if (pid === undefined || name === own) continue
      if (isAlive(Number(pid)) && claimName(Number(pid)) === name) {
        release()
        return Number(pid)
      }
      rmSync(join(directory, name), { force: true })
    }
  } catch (error) {
    release()
    throw error
  }
  return release
}

/**
 * Of the process that has a number now. Its start time, in clock ticks since boot, tells it from a later one of the same
 * number, the machine's boot from one of an earlier boot; both are empty where there is no Linux.
 */
export function claimName(pid: number): string {
  // The command name in `stat`, before the time, may hold spaces and parentheses.
  const stat = textOf(`/proc/${pid}/stat`)
  const startedAt = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  return `.writer-${pid}-${startedAt}-${textOf('/proc/sys/kernel/random/boot_id').trim()}`
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Whether a process has this number. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it lives, under another account.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
