import { readFileSync } from 'node:fs'

/**
 * Bytes of a process's own in memory, without pages of mapped files, which a store's are: the system takes those away when it
 * likes. NaN where `/proc` does not tell.
 */
export function residentBytes(pid: number | null | 'self'): number {
  try {
    const [, kilobytes] = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return 1_024 * Number(kilobytes ?? Number.NaN)
  } catch {
    return Number.NaN
  }
}
