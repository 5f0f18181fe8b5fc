import { expect, test } from 'vitest'
import { weightsArgument } from './pooling-options.ts'

test.each(['1,0', '1,-1', 'a', `${'1,'.repeat(255)}1`])(
  'of the weights "%s" it says how many there may be, and of what size',
  (text) => {
    expect(() => weightsArgument(text)).toThrow('Give up to 255 numbers, each above 0, with commas between them.')
  },
)

test('as many weights as a ring has slots are taken, of any size with a finite sum', () => {
  expect(weightsArgument(`${'1,'.repeat(254)}1`)).toHaveLength(255)
  expect(weightsArgument('1e308,7e307')).toEqual([1e308, 7e307])
  expect(() => weightsArgument('1e308,8e307')).toThrow('Give smaller numbers; these have no finite sum.')
})
