import { resolve } from 'node:path'

/** The directory the user is in. npm and Nx start programs elsewhere and leave its path in INIT_CWD. */
export function userDirectory(): string {
  return process.env.INIT_CWD ?? process.cwd()
}

/** A path as the user meant it: relative ones start from {@link userDirectory}. */
export function userPath(path: string): string {
  return resolve(userDirectory(), path)
}
