/** Models whose snapshots come from a publisher: each in a directory of this process, which is followed as any other. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { CommandError } from '../../arguments/command-error.ts'
import { readInput } from '../../files/input.ts'
import { userPath } from '../../files/paths.ts'
import type { Serving } from './report.ts'

export const isPublisher = (source: string) => /^https?:\/\//.test(source)

/**
 * @param sources of snapshots by name of the model: directories, and URLs of publishers
 * @returns directories
 * @throws CommandError; SnapshotFetchError, PublisherConflictError
 */
export async function mirrorModels(
  { options, closers, warn: onError }: Serving,
  sources: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, string>> {
  if (![...sources.values()].some(isPublisher)) return sources
  const [{ mirrorSnapshots }, { claimDirectory }] = await Promise.all([
    import('@headwater/cluster'),
    import('@headwater/store'),
  ])
  const { modelTokenFile, modelCa } = options
  const token = modelTokenFile === undefined ? undefined : readInput('--model-token-file', modelTokenFile).toString()
  const directories = new Map(sources)
  for (const [model, url] of sources) {
    if (!isPublisher(url)) continue
    const directory = join(userPath(options.modelCache), encodeURIComponent(model))
    // The directory itself is claimed for a moment by a process that forgets a user in its panels, which may be this one.
    const claimed = join(directory, '.mirror')
    mkdirSync(claimed, { recursive: true })
    const claim = claimDirectory(claimed)
    if (typeof claim === 'number')
      throw new CommandError(`--model-cache: process ${claim} keeps its snapshots in ${directory}; give another one.`)
    closers.push(async () => claim())
    const mirror = await mirrorSnapshots({
      url,
      directory,
      model,
      ...(token !== undefined && { token: token.trim() }),
      ...(modelCa !== undefined && { ca: readInput('--model-ca', modelCa) }),
      onError,
    })
    closers.push(() => mirror.stop())
    directories.set(model, directory)
  }
  return directories
}
