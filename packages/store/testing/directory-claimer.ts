/**
 * A process that claims a directory again and again: `node directory-claimer.ts DIRECTORY ROUNDS NAME`. Before each attempt it
 * leaves the claim of a process that has ended. It says `ready`; for a line it goes to work, and then says how often it got in,
 * and how often another was in as well.
 */
import { closeSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { claimDirectory } from '../src/claims/directory-claim.ts'

const [directory, rounds, name] = process.argv.slice(2)
const inside = join(directory, 'inside')
const counts = { entered: 0, met: 0 }

function attempt(round: number): void {
  writeFileSync(join(directory, `.writer-4194304-${name}${round}-${'0'.repeat(8)}`), '')
  const claim = claimDirectory(directory)
  if (typeof claim === 'number') return
  counts.entered++
  try {
    closeSync(openSync(inside, 'wx'))
    // Long enough for another to come.
    readdirSync(directory)
    rmSync(inside)
  } catch {
    counts.met++
  }
  claim()
}

console.log('ready')
for await (const _ of createInterface({ input: process.stdin })) {
  for (let round = 0; round < Number(rounds); round++) attempt(round)
  console.log(JSON.stringify(counts))
  break
}
process.exit()
