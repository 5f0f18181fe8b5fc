import { arraysOf, compileFeatures, type Schema, type SideBatch } from '@headwater/features'
import { fuzz } from '@headwater/testkit/fuzz'
import { describe, expect, test } from 'vitest'
import { schema, space } from '../../testing/random-snapshot.ts'
import { batchFrom, rowBytes } from './batch-arrays.ts'
import { FrameError } from './frames.ts'

const { sequence: _, ...flat } = schema
const layouts = [space.user, compileFeatures({ ...flat, fields: schema.fields } as Schema).user]

/** Every number of it another one. */
function numbered(batch: SideBatch): SideBatch {
  let next = 1
  const { dense, bags, sequence } = batch
  const arrays = [dense, ...bags.flatMap(({ ids, lengths }) => [ids, lengths])]
  if (sequence) arrays.push(sequence.ids, sequence.channels, sequence.lengths, ...sequence.categories)
  for (const array of arrays) for (let i = 0; i < array.length; i++) array[i] = next++
  return batch
}

const bytesOf = (arrays: readonly ArrayBufferView[]) =>
  new Uint8Array(
    Buffer.concat(arrays.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength))),
  )

describe('a batch as bytes', () => {
  test('is the same batch on the other side, with a sequence and without', () =>
    fuzz(
      (random) => ({ layout: random.nextBelow(2), rows: 1 + random.nextBelow(40) }),
      ({ layout: which, rows }) => {
        const spaceOf = which === 0 ? space : compileFeatures(flat as Schema)
        const batch = numbered(spaceOf.allocate('user', rows))
        const bytes = bytesOf(arraysOf(batch))
        expect(bytes.length).toBe(rows * rowBytes(layouts[which]))
        expect(batchFrom(layouts[which], rows, bytes)).toEqual(batch)
      },
    ))

  test('is refused where it has not the rows that it says', () => {
    const bytes = bytesOf(arraysOf(space.allocate('user', 3)))
    for (const rows of [0, 2, 4]) expect(() => batchFrom(space.user, rows, bytes)).toThrow(FrameError)
  })
})
