import { userPath } from '../files/paths.ts'

/** What `--data` may name beside files; the list is asked for when a command runs, as help loads no log. */
export interface DataArgument {
  readonly kind: 'bundled' | 'synthetic' | 'file'
  /** As `openLog` takes it: a name, or a path. */
  readonly data: string
}

export async function dataArgument(text: string): Promise<DataArgument> {
  const { syntheticSettings } = await import('@headwater/datasets')
  if (text === 'movietweetings') return { kind: 'bundled', data: text }
  if (syntheticSettings.has(text)) return { kind: 'synthetic', data: text }
  return { kind: 'file', data: userPath(text) }
}

/** `--data` names no log where one must have a name. */
export class UnknownLogError extends Error {
  override readonly name = 'UnknownLogError'
}

/** @throws UnknownLogError */
export async function namedLog(text: string): Promise<string> {
  const { kind, data } = await dataArgument(text)
  if (kind !== 'file') return data
  const { syntheticSettings } = await import('@headwater/datasets')
  const names = ['movietweetings', ...syntheticSettings.keys()].join(', ')
  throw new UnknownLogError(
    `--data: no log is named "${text}"; there are ${names}. Give --schema for a log of your own.`,
  )
}
