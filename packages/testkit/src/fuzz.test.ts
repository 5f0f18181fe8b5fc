import type { SeededRandom } from '@headwater/statistics'
import { expect, test } from 'vitest'
import { FuzzError, fuzz } from './fuzz.ts'

test('one shape a seed, the same shapes every time', async () => {
  const draws = async () => {
    const shapes: number[] = []
    await fuzz(
      (random) => random.nextBelow(1_000_000),
      (shape) => void shapes.push(shape),
    )
    return shapes
  }
  const first = await draws()
  expect(first).toHaveLength(20)
  expect(new Set(first).size).toBe(20)
  expect(await draws()).toEqual(first)
})

test('a failure names its seed and shape, and is seen again alone', async () => {
  const seen: number[] = []
  const body = (shape: { rows: number }) => {
    seen.push(shape.rows)
    if (shape.rows > 80) throw new RangeError('too many rows')
  }
  const draw = (random: SeededRandom) => ({ rows: random.nextBelow(100) })

  const failure = await fuzz(draw, body, { runs: 1000 }).then(
    () => expect.unreachable(),
    (error: unknown) => error as FuzzError,
  )
  expect(failure).toBeInstanceOf(FuzzError)
  expect(failure.message).toBe(`Seed ${failure.seed}, shape {"rows":${seen.at(-1)}}: too many rows`)
  expect(failure.cause).toBeInstanceOf(RangeError)

  await expect(fuzz(draw, body, { firstSeed: failure.seed, runs: 1 })).rejects.toThrow(failure.message)
  expect(seen.at(-1)).toBe(seen.at(-2))
})
