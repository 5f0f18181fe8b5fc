import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compileFeatures, type SideBatch } from '@headwater/features'
import { type SeededRandom, seededRandom } from '@headwater/statistics'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, it } from 'vitest'
import { ExampleFile } from './example-file.ts'
import type { TrainingBatch } from './training-batch.ts'
import { allocateExamples } from './training-batch.ts'

const space = compileFeatures({
  version: 1,
  name: 'examples',
  user: 'user',
  item: 'item',
  time: { column: 'time', unit: 'ms' },
  fields: [
    { name: 'rating', of: 'outcome', type: 'float' },
    { name: 'genres', of: 'item', type: 'ids', maxValues: 3, buckets: 17 },
    { name: 'tags', of: 'user', type: 'ids', maxValues: 2, buckets: 11 },
    { name: 'taste', of: 'user', type: 'vector', size: 3 },
    { name: 'action', of: 'outcome', type: 'id', buckets: 6 },
    { name: 'surface', of: 'context', type: 'id', buckets: 3 },
  ],
  // five: more labels than fit one word
  tasks: [1, 3, 5, 7, 9].map((atLeast) => ({ name: `above-${atLeast}`, field: 'rating', atLeast })),
  aggregations: [{ name: 'events', of: 'user', kind: 'count' }],
  calendar: ['hour'],
})

const arraysOf = ({ dense, bags }: SideBatch) => [dense, ...bags.flatMap(({ ids, lengths }) => [ids, lengths])]

const wordsOf = (batch: TrainingBatch) =>
  [...arraysOf(batch.user), ...arraysOf(batch.item), batch.labelWeights, batch.timeMs].map(
    (a) => new Uint32Array(a.buffer, a.byteOffset, a.byteLength / 4),
  )

/** Of a space without a sequence. */
const noMoments = new Uint32Array(0)

/** Any bits at all, NaN and −0 among them. */
function scrambled(rows: number, random: SeededRandom): TrainingBatch {
  const batch = allocateExamples(space, rows)
  for (const words of wordsOf(batch)) for (let i = 0; i < words.length; i++) words[i] = random.nextU32()
  for (let i = 0; i < batch.labels.length; i++) batch.labels[i] = random.nextBelow(2)
  return batch
}

it('gives back every row bit for bit, in any order, and takes its file with it', () => {
  const path = join(temporaryDirectory(), 'examples')
  const file = new ExampleFile(space, path)
  const random = seededRandom(1)
  const blocks = [7, 1, 30].map((rows) => scrambled(rows, random))
  for (const block of blocks) file.append(block, noMoments)
  // of a batch only its first rows
  file.append({ ...blocks[0], rows: 2 }, noMoments)
  expect(file.length).toBe(40)

  const places = blocks.flatMap((block, b) => Array.from({ length: block.rows }, (_, row) => ({ b, row })))
  places.push({ b: 0, row: 0 }, { b: 0, row: 1 })
  const order = random.shuffle(Uint32Array.from({ length: 40 }, (_, i) => i))
  const into = scrambled(40, random)
  const read = file.read(order, 10, 35, into)
  expect(read.rows).toBe(25)
  const got = wordsOf(read)
  for (let r = 0; r < read.rows; r++) {
    const { b, row } = places[order[10 + r]]
    const want = wordsOf(blocks[b])
    for (const [i, words] of got.entries()) {
      const width = words.length / 40
      expect(words.slice(r * width, (r + 1) * width)).toEqual(want[i].slice(row * width, (row + 1) * width))
    }
    expect(read.labels.slice(r * 5, (r + 1) * 5)).toEqual(blocks[b].labels.slice(row * 5, (row + 1) * 5))
  }

  expect(() => file.read(Uint32Array.of(40), 0, 1, into)).toThrow(RangeError)
  file.close()
  expect(existsSync(path)).toBe(false)
})

it('has a fingerprint of its examples, however they were appended', () => {
  const batch = scrambled(20, seededRandom(2))
  const fingerprintOf = (parts: readonly TrainingBatch[]) => {
    const file = new ExampleFile(space, join(temporaryDirectory(), 'examples'))
    for (const part of parts) file.append(part, noMoments)
    const { fingerprint } = file
    file.close()
    return fingerprint
  }
  const split = scrambled(1, seededRandom(3))
  const whole = fingerprintOf([split, batch])
  expect(fingerprintOf([split, { ...batch, rows: 13 }])).not.toBe(whole)
  expect(fingerprintOf([batch, split])).not.toBe(whole)
  const file = new ExampleFile(space, join(temporaryDirectory(), 'examples'))
  for (const part of [split, batch]) file.append(part, noMoments)
  const all = Uint32Array.from({ length: 21 }, (_, i) => i)
  const slices = [0, 4, 5, 21].map((from, i, cuts) => [from, cuts[i + 1] ?? from])
  const rows = slices.map(([from, to]) => file.read(all, from, to, allocateExamples(space, 21)))
  file.close()
  expect(fingerprintOf(rows)).toBe(whole)
  const flipped = [batch.labels, new Uint32Array(batch.labelWeights.buffer), new Uint32Array(batch.timeMs.buffer)]
  for (const words of flipped) {
    words[words.length - 1] ^= 1
    expect(fingerprintOf([split, batch])).not.toBe(whole)
    words[words.length - 1] ^= 1
    expect(fingerprintOf([split, batch])).toBe(whole)
  }
})

it.each(['examples', 'examples.sequences'])('leaves %s alone where it is already there', (name) => {
  const directory = temporaryDirectory()
  writeFileSync(join(directory, name), 'mine')
  const sequence = { length: 4, value: 'rating', buckets: 13 }
  const withSequence = compileFeatures({ ...space.schema, sequence })
  expect(() => new ExampleFile(withSequence, join(directory, 'examples'))).toThrow(/EEXIST/)
  expect(readdirSync(directory)).toEqual([name])
})
