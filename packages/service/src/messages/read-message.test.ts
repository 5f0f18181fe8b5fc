/** The reader by hand against the schema, on the same bodies. */
import { messages } from '@headwater/client/schemas'
import { WireError } from '@headwater/client/wire'
import { fuzz } from '@headwater/testkit'
import { Compile } from 'typebox/compile'
import { expect, it } from 'vitest'
import { fuzzedValue, readBody } from '../../testing/fuzzed-bodies.ts'
import { defaultLimits } from '../requests/limits.ts'
import { checkOf } from './message-check.ts'
import { parseReadMessage } from './read-message.ts'

/** The code that a check refuses a body with, null where it takes it. */
function codeOf(check: () => unknown): string | null {
  try {
    check()
    return null
  } catch (error) {
    if (error instanceof WireError) return error.code
    throw error
  }
}

it('takes what the schema takes, and refuses the rest: 20,000 bodies', async () => {
  const check = checkOf(messages.ReadRequest)
  const limits = { ...defaultLimits, maxUsers: 50 }
  const told = new Set<string | null>()
  await fuzz(
    (random) => ({ seed: random.nextBelow(2 ** 31) }),
    (_, random) => {
      const body = fuzzedValue(random, readBody)
      const byHand = codeOf(() => parseReadMessage(body, limits))
      // Of a body with two faults each may name another one.
      expect(byHand === null).toBe(codeOf(() => check(body, limits)) === null)
      told.add(byHand)
    },
    { runs: 20_000 },
  )
  expect([...told].sort()).toEqual(['batch_too_large', 'invalid_key', 'invalid_request', null])
})

it('gives defaults where the schema lets a field out, and a message that is one', () => {
  const body = { users: ['a'], models: ['m'] }
  const given = { ...body, encoding: 'f32', latest: false, segments: null }
  expect(parseReadMessage(body, defaultLimits)).toEqual(given)
  expect(parseReadMessage({ ...body, encoding: null, latest: null }, defaultLimits)).toEqual(given)
  expect(Compile(messages.ReadRequest).Check(given)).toBe(true)
})
