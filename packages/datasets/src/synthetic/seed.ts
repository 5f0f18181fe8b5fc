import { LogError } from '../log/log-error.ts'

/** @throws LogError where the seed is none of 32 bits */
export function checkSeed(seed: number): void {
  if (Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32) return
  throw new LogError(`the seed is ${seed}`, 'use a whole number from 0 to 4294967295', { field: 'seed' })
}
