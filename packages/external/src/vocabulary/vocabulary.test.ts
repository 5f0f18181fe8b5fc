import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, test } from 'vitest'
import { shopSchema } from '../../testing/small-tower.ts'
import { readKeys, VocabularyCounts } from './vocabulary.ts'

function file(text: string): string {
  const path = join(temporaryDirectory(), 'keys')
  writeFileSync(path, text)
  return path
}

test('keys are a JSON list, or a line each', async () => {
  expect(await readKeys(file('["b","a\\nc"]'))).toEqual(['b', 'a\nc'])
  expect(await readKeys(file('b\r\na\n'))).toEqual(['b', 'a'])
})

test.each([
  ['[1, 2]', /no list of texts/],
  ['["a"', /no JSON/],
  ['a\nb\na\n', /"a" twice/],
  ['[]', /0 keys/],
])('%j is refused', async (text, message) => {
  await expect(readKeys(file(text))).rejects.toThrow(message)
})

test('a vocabulary of a log has its keys by how often they occur', () => {
  const sources = { items: { log: 'item', atLeast: 2 }, tags: { log: 'tags', most: 2 }, known: { file: 'x' } }
  const counts = new VocabularyCounts('map.json', sources, shopSchema)
  const events = [
    ['b', ['x', 'y']],
    ['a', ['y']],
    ['b', null],
    ['a', ['z']],
    ['c', ['y', 'x']],
  ] as const
  for (const [item, tags] of events)
    counts.add({ row: 0, user: 'u', item, timeMs: 0, values: [null, tags, null, null] })
  expect([...counts.keys()]).toEqual([
    ['items', ['a', 'b']],
    ['tags', ['y', 'x']],
  ])
  expect(() => new VocabularyCounts('map.json', { ages: { log: 'age' } }, shopSchema)).toThrow(/"ages" is of "age"/)
})
