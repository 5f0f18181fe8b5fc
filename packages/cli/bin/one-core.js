import { createRequire } from 'node:module'

/**
 * Options of node for a command: those of a service on one core for `headwater serve`, where it has only one to run on.
 * @param {readonly string[]} args
 * @param {number} cores that this process may run on
 * @returns {readonly string[]}
 */
export function nodeOptions([command], cores) {
  if (command !== 'serve' || cores > 1) return []
  // With so small a nursery V8 collects more often and holds reads up for half as long each time.
  return ['--max-semi-space-size=4', '--require', createRequire(import.meta.url).resolve('@headwater/service/one-core')]
}
