/** Files that are there after a power cut, or not at all. */
import { open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** Writes a new file and waits until the disk has it. */
export async function writeDurably(path: string, data: Uint8Array): Promise<void> {
  const file = await open(path, 'wx')
  try {
    await file.writeFile(data)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Waits until the disk has a directory's entries, without which a rename may be forgotten in a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  // Windows opens no directories, and NTFS keeps a journal of renames by itself.
  if (process.platform === 'win32') return
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** Replaces a file by one rename: a reader sees the old one or the new one. */
export async function replaceDurably(path: string, data: Uint8Array): Promise<void> {
  const partial = `${path}.${process.pid}.partial`
  try {
    await rm(partial, { force: true })
    await writeDurably(partial, data)
    await rename(partial, path)
  } catch (cause) {
    await rm(partial, { force: true })
    throw cause
  }
  await syncDirectory(dirname(path))
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    // EPERM: it runs as another user.
    return (cause as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** Entries of a directory that `pattern` matches and whose process, the number in the pattern's first group, is there. */
export async function entriesUnderWay(directory: string, pattern: RegExp): Promise<readonly string[]> {
  return (await readdir(directory)).filter((name) => {
    const pid = pattern.exec(name)?.[1]
    return pid !== undefined && isRunning(Number(pid))
  })
}

/**
 * Removes what killed writers left in a directory: entries that `pattern` matches and whose process, the number in the
 * pattern's first group, is gone.
 */
export async function removeLeftovers(directory: string, pattern: RegExp): Promise<void> {
  for (const name of await readdir(directory)) {
    const pid = pattern.exec(name)?.[1]
    if (pid !== undefined && !isRunning(Number(pid))) await rm(join(directory, name), { recursive: true, force: true })
  }
}
