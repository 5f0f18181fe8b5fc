/** A directory into which files of events are put, as rounds: a file each. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Log } from '@headwater/datasets'
import { timeGroups } from '@headwater/features'
import type { RoundEvents } from '@headwater/training'

export interface FollowOptions {
  readonly directory: string
  /** Files that were rounds before the checkpoint, in their order. They come first. */
  readonly known: readonly string[]
  /** @throws an error for a file that cannot be used, which is passed over then */
  open(path: string): Promise<Log>
  /** Gets the files that are passed over, with the reason. */
  onWarning(message: string): void
  readonly signal: AbortSignal
}

/** A file with such an ending is whole: writers give it this name when they are done. */
const wholeFile = /^[^.].*\.(parquet|(csv|jsonl|ndjson)(\.(gz|zst))?)$/
const pollMs = 200

/**
 * The files of a directory in the order of their names, and those that come later; ends by the signal alone.
 * @throws what `open` throws for a known file
 */
export async function* roundsOfFiles({
  directory,
  known,
  open,
  onWarning,
  signal,
}: FollowOptions): AsyncGenerator<RoundEvents> {
  for (const name of known) yield* roundOf(name, await open(join(directory, name)))
  const seen = new Set(known)
  let newest = known.at(-1) ?? ''
  for (;;) {
    signal.throwIfAborted()
    const names = (await readdir(directory)).filter((name) => wholeFile.test(name) && !seen.has(name)).sort()
    for (const name of names) {
      seen.add(name)
      if (name < newest) {
        onWarning(
          `${name} is passed over: it sorts before ${newest}, which was read. Give files names that sort by age.`,
        )
        continue
      }
      newest = name
      let log: Log
      try {
        log = await open(join(directory, name))
      } catch (cause) {
        signal.throwIfAborted()
        onWarning(`${name} is passed over: ${(cause as Error).message}`)
        continue
      }
      yield* roundOf(name, log)
    }
    if (names.length === 0) await wait(pollMs, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}

async function* roundOf(label: string, log: Log): AsyncGenerator<RoundEvents> {
  try {
    yield { label, groups: timeGroups(log.events()) }
  } finally {
    await log.close()
  }
}
