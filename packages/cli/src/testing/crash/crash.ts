/**
 * Kills the jobs of a service's disk at each of their renames and syncs, fills the disk there and sets the clock by an hour:
 * `npx nx run cli:test-crash [-- --filter NAME]`.
 */
import { parseArgs } from 'node:util'
import { crashAtEachCall } from '@headwater/testkit/disk-faults'
import { scenarios } from './scenarios.ts'

const { values } = parseArgs({ options: { filter: { type: 'string', default: '' } } })
const chosen = scenarios.filter(({ name }) => name.includes(values.filter))
if (chosen.length === 0) throw new RangeError(`--filter: there are ${scenarios.map(({ name }) => name).join(', ')}`)
console.log('The clock and the disk are set in the process itself: neither libfaketime nor root is needed.')
let failed = 0
for (const scenario of chosen) {
  try {
    const { calls, kills, fullDisks, clockJumps, slowDisks } = await crashAtEachCall(scenario, (text) =>
      console.log(text),
    )
    console.log(
      `${scenario.name}: ${calls} renames and syncs; ${kills} kills, ${fullDisks} full disks, ${slowDisks} slow disk, ${clockJumps} jumps of the ` +
        'clock: what was left held each time, and the job came to its end from there',
    )
  } catch (error) {
    failed++
    console.error((error as Error).message)
  }
}
process.exit(failed === 0 ? 0 : 1)
