/** A training in a process of its own, killed outright at random steps: `training:test-crash` does the same more often. */
import { seededRandom } from '@headwater/statistics'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, it } from 'vitest'
import { crashRound, unbrokenDigest } from '../testing/crash-round.ts'

it('ends bit for bit as the unbroken one', async () => {
  const unbroken = await unbrokenDigest(temporaryDirectory())
  const seed = seededRandom(Date.now()).nextU32()
  const { digest, steps, warnings } = await crashRound(temporaryDirectory(), seededRandom(seed), 2)
  expect(digest, `killed after ${steps} steps, seed ${seed}`).toBe(unbroken)
  expect(warnings, `seed ${seed}`).toEqual([])
})
