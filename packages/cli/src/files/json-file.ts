import { readFileSync } from 'node:fs'

/** A file that an option names cannot be used. */
export class InputFileError extends Error {
  override readonly name = 'InputFileError'
}

/** The JSON value in a file that an option names. @throws InputFileError */
export function readJsonFile(option: string, path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    const why = cause instanceof SyntaxError ? `is no JSON: ${cause.message}` : 'cannot be read; check its path'
    throw new InputFileError(`${option}: ${path} ${why}.`, { cause })
  }
}
