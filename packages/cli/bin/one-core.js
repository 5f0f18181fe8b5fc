import { createRequire } from 'node:module'

/**
 * Options of node for a command: those of a service on one core, where `headwater serve` has only one to run on and its
 * encoder is given others.
 * @param {readonly string[]} args
 * @param {number} cores that this process may run on
 * @returns {readonly string[]}
 */
export function nodeOptions([command, ...args], cores) {
  const isApart = args.some((argument) => /^--encoder-cpus(=|$)/.test(argument))
  if (command !== 'serve' || !isApart || cores > 1) return []
  // With so small a nursery V8 collects more often and holds reads up for half as long each time.
  return ['--max-semi-space-size=4', '--require', createRequire(import.meta.url).resolve('@headwater/pooling/one-core')]
}
