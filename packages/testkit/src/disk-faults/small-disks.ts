/** Disks that can be filled and taken away, each of its own in a directory. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface SmallDisks {
  /** Stands before the command of a process that is to see them. */
  readonly entering: readonly string[]
  /** The directory of them all as this process sees it. */
  readonly path: string
  /** To the last byte. */
  fill(name: string): void
  makeRoom(name: string): void
  /** As if it were pulled out: what is in its place is an empty directory. Files that are open stay open. */
  takeAway(name: string): void
  putBack(name: string): void
  close(): Promise<void>
}

/** Mounts each disk where nobody looks, and then in its place. */
const mount = `for name in $3; do mount -t tmpfs -o size="$4" tmpfs "$2/$name" && mount --bind "$2/$name" "$1/$name" || exit
done; echo mounted; read -r _`

/**
 * File systems in memory, in a mount namespace, which Linux gives to most users. They stay while this process does, whichever of
 * those that see them are killed.
 *
 * @param directory is there; each has its name in it
 * @param names without blanks
 * @param cwd of processes that see them
 * @returns null where the system gives no namespace
 */
export async function mountSmallDisks(
  directory: string,
  names: readonly string[],
  megabytes: number,
  cwd: string,
): Promise<SmallDisks | null> {
  const hidden = mkdtempSync(join(tmpdir(), 'headwater-disks-'))
  for (const name of names) for (const above of [directory, hidden]) mkdirSync(join(above, name))
  const words = ['sh', directory, hidden, names.join(' '), `${megabytes}m`]
  // Its input ends with this process.
  const holder = spawn('unshare', ['-rm', 'sh', '-c', mount, ...words], { stdio: ['pipe', 'pipe', 'ignore'] })
  const isMounted = await new Promise<boolean>((resolve) => {
    holder.stdout.once('data', () => resolve(true))
    holder.once('error', () => resolve(false)).once('exit', () => resolve(false))
  })
  if (!isMounted) {
    rmSync(hidden, { recursive: true })
    return null
  }
  const root = `/proc/${holder.pid}/root`
  const ballastOf = (name: string) => join(root, hidden, name, 'ballast')
  const enter = ['nsenter', '-t', String(holder.pid), '-U', '-m', '--preserve-credentials']
  const within = (...command: string[]) => execFileSync(enter[0], [...enter.slice(1), ...command])
  return {
    entering: [...enter, 'sh', '-c', 'cd "$0" && exec "$@"', cwd],
    path: join(root, directory),
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
    takeAway: (name) => {
      within('umount', '--lazy', join(directory, name))
    },
    putBack: (name) => {
      within('mount', '--bind', join(hidden, name), join(directory, name))
    },
    close: async () => {
      const ended = once(holder, 'exit')
      holder.stdin.end()
      await ended
      rmSync(hidden, { recursive: true })
    },
  }
}
