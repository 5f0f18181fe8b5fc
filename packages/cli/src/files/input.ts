import { readFileSync } from 'node:fs'
import { userPath } from './paths.ts'

/** A file that an option names cannot be used. */
class InputFileError extends Error {
  override readonly name = 'InputFileError'
}

/** The bytes of a file that an option names. @throws InputFileError */
export function readInput(option: string, file: string): Buffer {
  const path = userPath(file)
  try {
    return readFileSync(path)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new InputFileError(`${option}: ${path} cannot be read (${code}); check its path and permissions.`, { cause })
  }
}

/** The JSON value in a file that an option names. @throws InputFileError */
export function readJson(option: string, file: string): unknown {
  const text = readInput(option, file).toString('utf8')
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new InputFileError(`${option}: ${userPath(file)} is no JSON: ${(cause as Error).message}.`, { cause })
  }
}
