import { expect, it } from 'vitest'
import { expectedMs } from './pacer.ts'

it('expects what was measured first, and falls with what takes less', () => {
  expect(expectedMs(0, 57)).toBe(57)
  expect(expectedMs(57, 20)).toBe(20)
})

it('follows work that takes longer, and hardly a pause', () => {
  let expected = 20
  expected = expectedMs(expected, 4000)
  expect(expected).toBeLessThanOrEqual(22.1)
  for (let i = 0; i < 100; i++) expected = expectedMs(expected, 40)
  expect(expected).toBeCloseTo(40, 0)
})

it('never sleeps itself into a longer time: who waits for four fifths of it comes down to the truth', () => {
  let expected = 450
  for (let i = 0; i < 20; i++) expected = expectedMs(expected, Math.max(20, 0.8 * expected))
  expect(expected).toBe(20)
})
