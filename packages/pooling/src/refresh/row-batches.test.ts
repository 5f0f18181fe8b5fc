import { expect, it } from 'vitest'
import { EncoderUse } from './encoder-use.ts'
import { askedBy } from './offer-queue.ts'
import { RowBatches } from './row-batches.ts'

const refreshOf = (user: string) => {
  return { user, atMs: 1, servedMs: 0, askedMs: 0, askedBy: askedBy.news, failures: 0 }
}

it('takes a forgotten user out of batches that wait, tells those that are on their way, and no others', () => {
  const batches = new RowBatches(2, new EncoderUse())
  const encoders = new Map()
  for (const user of ['a', 'b', 'a', 'c', 'a']) batches.add(encoders, refreshOf(user), new Uint8Array(1))
  const ended = batches.take()!
  batches.release(ended)
  const underWay = batches.take()!
  expect([ended.users, underWay.users]).toEqual([
    ['a', 'b'],
    ['a', 'c'],
  ])
  expect([batches.drop('a'), batches.drop('c')]).toEqual([1, 0])
  expect([...underWay.forgotten]).toEqual(['a', 'c'])
  // It is held by nobody any more.
  expect([...ended.forgotten]).toEqual([])
  expect([batches.waitingRows, batches.rows, batches.has('a')]).toEqual([0, 2, true])
  batches.release(underWay)
  expect([batches.rows, batches.has('a')]).toEqual([0, false])
})
