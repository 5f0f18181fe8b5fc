// The graphics driver that set-up brought is found through variables that must be set before a process starts. Set-up
// writes them to the workspace's .env; everything that starts a process of this project reads them here.
import { readFileSync } from 'node:fs'
import { delimiter } from 'node:path'
import { parseEnv } from 'node:util'

/**
 * The environment with the file's variables added. What is set already wins, save that the library path is extended.
 * @param {string} file need not exist
 * @param {NodeJS.ProcessEnv} [environment]
 * @returns {NodeJS.ProcessEnv}
 */
export function withDriver(file, environment = process.env) {
  const added = readVariables(file)
  const merged = { ...added, ...environment }
  const paths = [environment.LD_LIBRARY_PATH, added.LD_LIBRARY_PATH].flatMap((list) => list?.split(delimiter) ?? [])
  if (paths.length > 0) merged.LD_LIBRARY_PATH = [...new Set(paths.filter(Boolean))].join(delimiter)
  return merged
}

/** @param {string} file @returns {NodeJS.Dict<string>} */
function readVariables(file) {
  try {
    return parseEnv(readFileSync(file, 'utf8'))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {}
    throw error
  }
}
