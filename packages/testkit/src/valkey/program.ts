import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A Redis of 7.2 or newer does as well. */
const usualPrograms = ['valkey-server', 'redis-server']

/** No Valkey server on this machine. */
export class NoValkeyError extends Error {
  constructor(looked: string) {
    super(
      `No Valkey server: looked for ${looked}. Run \`npm run setup -- --valkey\` to bring one into the project, install ` +
        'the package valkey-server, or set HEADWATER_VALKEY to the program of your own.',
    )
    this.name = 'NoValkeyError'
  }
}

/**
 * The Valkey server of this machine: HEADWATER_VALKEY where it is set, else the first in PATH.
 * @throws NoValkeyError where there is none.
 */
export function valkeyProgram(): string {
  const named = process.env.HEADWATER_VALKEY
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean)
  const paths = named ? [named] : usualPrograms.flatMap((name) => folders.map((folder) => join(folder, name)))
  const found = paths.find(isProgram)
  if (found === undefined) throw new NoValkeyError(named ?? `${usualPrograms.join(' and ')} in PATH`)
  return found
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
