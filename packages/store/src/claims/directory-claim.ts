import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive, thisProcess, type WritingProcess } from './writing-process.ts'

const claimName = /^\.writer-(\d+)-(\d*)-(.*)$/

/**
 * Claims a directory for this process to write into. A claim is an empty file that is named after its process, and is laid
 * before others are looked for, so that of two processes at least one sees the other: never do both get in, though of
 * two at the same instant it may be that neither does. Only claims of processes that have ended are removed, and a name
 * is never that of a later process.
 *
 * @returns what gives the directory back; or, where it is claimed already, the number of the process that has it
 * @throws what the file system does, where the directory cannot be read or written
 */
export function claimDirectory(directory: string): (() => void) | number {
  const { pid, startedAt, boot } = thisProcess()
  const own = `.writer-${pid}-${startedAt}-${boot}`
  const path = join(directory, own)
  try {
    writeFileSync(path, '', { flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return pid
    throw error
  }
  const release = () => rmSync(path, { force: true })
  try {
    for (const name of readdirSync(directory)) {
      const claimant = name === own ? null : claimantOf(name)
      if (claimant === null) continue
      if (isAlive(claimant)) {
        release()
        return claimant.pid
      }
      rmSync(join(directory, name), { force: true })
    }
  } catch (error) {
    release()
    throw error
  }
  return release
}

function claimantOf(name: string): WritingProcess | null {
  const [, pid, startedAt, boot] = claimName.exec(name) ?? []
  return pid === undefined ? null : { pid: Number(pid), startedAt, boot }
}
