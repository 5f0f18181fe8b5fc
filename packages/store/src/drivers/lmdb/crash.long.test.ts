/** As `lmdb.test.ts` kills writers and compactions, and more often; `npx nx run store:test-crash` as often as one likes. */
import { join } from 'node:path'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, it } from 'vitest'
import { crashRounds } from '../../../testing/crash-rounds.ts'

it('loses nothing acknowledged, and keeps nothing by half, over twenty kills', async () => {
  const rounds = await crashRounds(join(temporaryDirectory(), 'store'), 20, 20_261)
  expect(rounds.filter(({ killed }) => killed === 'compaction')).toHaveLength(5)
  expect(rounds[19].held).toBeGreaterThan(100)
})
