/** `npx nx run training:test-crash -- --rounds 20 [--seed 1]`: trainings killed at random moments must end as the unbroken one. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { seededRandom } from '@headwater/statistics'
import { crashRound, unbrokenDigest } from './crash-round.ts'

const { values } = parseArgs({ options: { rounds: { type: 'string' }, seed: { type: 'string' } } })
const rounds = Number(values.rounds ?? 20)
const seed = Number(values.seed ?? 1)
if (!Number.isInteger(rounds) || rounds < 1)
  throw new RangeError(`--rounds ${values.rounds}: give a whole number from 1.`)

const home = mkdtempSync(join(tmpdir(), 'headwater-crash-'))
try {
  const random = seededRandom(seed)
  const directory = (name: string) => mkdtempSync(join(home, name))
  const unbroken = await unbrokenDigest(directory('unbroken-'))
  let failed = 0
  for (let round = 1; round <= rounds; round++) {
    const { digest, steps } = await crashRound(directory('round-'), random, 1 + random.nextBelow(4))
    const same = digest === unbroken
    if (!same) failed++
    console.log(
      `round ${round}: killed after ${steps.slice(0, -1).join(', ')} steps, ${same ? 'same bits' : 'OTHER BITS'}`,
    )
  }
  console.log(
    `${rounds} rounds, seed ${seed}: ${failed === 0 ? 'all ended with the bits of the unbroken training' : `${failed} ended with other bits`}`,
  )
  process.exitCode = failed === 0 ? 0 : 1
} finally {
  rmSync(home, { recursive: true, force: true })
}
