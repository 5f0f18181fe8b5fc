/**
 * `npx nx run training:test-crash -- --rounds 20 [--seed 1] [--preset base]`: trainings killed at random moments, and at each
 * kind of rename and sync of checkpoints and publications, must end as the unbroken one.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { seededRandom } from '@headwater/statistics'
import { crashAtCalls } from './crash-calls.ts'
import { crashRound, unbrokenDigest } from './crash-round.ts'

const text = (fallback: string) => ({ type: 'string', default: fallback }) as const
const { values } = parseArgs({ options: { rounds: text('20'), seed: text('1'), preset: text('tiny') } })
const { preset } = values
const rounds = Number(values.rounds)
const seed = Number(values.seed)
if (!Number.isInteger(rounds) || rounds < 0)
  throw new RangeError(`--rounds ${values.rounds}: give a whole number from 0.`)

const home = mkdtempSync(join(tmpdir(), 'headwater-crash-'))
try {
  const random = seededRandom(seed)
  const directory = (name: string) => mkdtempSync(join(home, name))
  const unbroken = await unbrokenDigest(directory('unbroken-'), preset)
  let failed = 0
  for (let round = 1; round <= rounds; round++) {
    const { digest, steps } = await crashRound(directory('round-'), random, 1 + random.nextBelow(4), preset)
    const same = digest === unbroken
    if (!same) failed++
    console.log(
      `round ${round}: killed after ${steps.slice(0, -1).join(', ')} steps, ${same ? 'same bits' : 'OTHER BITS'}`,
    )
  }
  const ended = failed === 0 ? 'all ended with the bits of the unbroken training' : `${failed} ended with other bits`
  console.log(`${rounds} rounds, preset ${preset}, seed ${seed}: ${ended}`)
  const faults = await crashAtCalls(home, random, preset, unbroken, ({ fault, call, left }) =>
    console.log(`${fault.kind} at call ${fault.at}, ${call}; left ${left.join(', ') || 'nothing'}`),
  )
  console.log(
    `${faults} faults at renames and syncs: all ended with the bits of the unbroken training, none left a file`,
  )
  process.exitCode = failed === 0 ? 0 : 1
} finally {
  rmSync(home, { recursive: true, force: true })
}
