import { type BigIntStats, statSync } from 'node:fs'

/** What tells a file from any other that has its path now or later; null where there is none, or the disk is away. */
export function fileIdentity(path: string): string | null {
  try {
    return identityIn(statSync(path, { bigint: true }))
  } catch {
    return null
  }
}

/** The same of a file that is open. */
export function identityIn({ dev, ino }: Pick<BigIntStats, 'dev' | 'ino'>): string {
  return `${dev}:${ino}`
}
