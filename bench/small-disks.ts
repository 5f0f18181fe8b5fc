/** Disks that can be filled, each of its own in a directory. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

export interface SmallDisks {
  /** Stands before the command of a process that is to see them. */
  readonly entering: readonly string[]
  /** The directory of them all as this process sees it. */
  readonly path: string
  /** To the last byte. */
  fill(name: string): void
  makeRoom(name: string): void
  close(): Promise<void>
}

/**
 * File systems in memory, in a mount namespace, which Linux gives to most users. They stay while this process does, whichever of
 * those that see them are killed.
 *
 * @param directory is there; each has its name in it
 * @param cwd of processes that see them
 * @returns null where the system gives no namespace
 */
export async function mountSmallDisks(
  directory: string,
  names: readonly string[],
  megabytes: number,
  cwd: string,
): Promise<SmallDisks | null> {
  const places = names.map((name) => join(directory, name))
  for (const place of places) mkdirSync(place)
  const mount = `for place; do mount -t tmpfs -o size=${megabytes}m tmpfs "$place" || exit; done; echo mounted; read -r _`
  // Its input ends with this process.
  const holder = spawn('unshare', ['-rm', 'sh', '-c', mount, 'sh', ...places], { stdio: ['pipe', 'pipe', 'ignore'] })
  const isMounted = await new Promise<boolean>((resolve) => {
    holder.stdout.once('data', () => resolve(true))
    holder.once('error', () => resolve(false)).once('exit', () => resolve(false))
  })
  if (!isMounted) return null
  const path = `/proc/${holder.pid}/root${directory}`
  const ballastOf = (name: string) => join(path, name, 'ballast')
  const enter = ['nsenter', '-t', String(holder.pid), '-U', '-m', '--preserve-credentials']
  return {
    entering: [...enter, 'sh', '-c', 'cd "$0" && exec "$@"', cwd],
    path,
    fill: (name) => {
      const file = openSync(ballastOf(name), 'w')
      const block = new Uint8Array(2 ** 20)
      try {
        for (;;) writeSync(file, block)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      } finally {
        closeSync(file)
      }
    },
    makeRoom: (name) => rmSync(ballastOf(name)),
    close: async () => {
      const ended = once(holder, 'exit')
      holder.stdin.end()
      await ended
    },
  }
}
