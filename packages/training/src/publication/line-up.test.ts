import { describe, expect, test } from 'vitest'
import { lineUp } from './line-up.ts'

const maxResidual = 0.5

/** Four users about (2, 5): a spread of 1 along either axis. */
const before = Float32Array.of(3, 5, 1, 5, 2, 6, 2, 4)

/** The same users about (7, −1), each axis spread by a factor, then turned a quarter. */
const turned = (along: number, across: number) =>
  Float32Array.of(7, along - 1, 7, -along - 1, 7 - across, -1, 7 + across, -1)

/** Expected: a turn back by a quarter, times a scale, and the shift that brings (7, −1) to (2, 5). */
const back = (scale: number) => ({ weight: [0, -scale, scale, 0], bias: [2 + scale, 5 + 7 * scale] })

const close = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 6))

describe('a new tower of which a rotation', () => {
  const cases: [title: string, spread: [number, number], scale: number, residual: number, varianceKept: number][] = [
    ['is all there is, takes no scale', [1, 1], 1, 0, 1],
    ['leaves little, takes no scale though one would leave nothing', [1.4, 1.4], 1, 0.4, 1],
    ['leaves too much and a scale nothing, is scaled down', [1.6, 1.6], 1 / 1.6, 0, 1],
    ['leaves too much and a scale nothing, is scaled up', [0.25, 0.25], 4, 0, 1],
    // s = √(2 ÷ (2² + 1²)); what is left, √(((2s − 1)² + (s − 1)²) ÷ 2)
    ['leaves too much and a scale less than that', [2, 1], Math.sqrt(2 / 5), 0.320_364_5, 0.9],
    // By s = √(2 ÷ 9), √(((3s − 1)² + 1) ÷ 2) = .765 would be left.
    ['leaves too much and a scale as well, takes none', [3, 0], 1, Math.sqrt((2 ** 2 + 1) / 2), 0.5],
  ]
  test.each(cases)('%s', (_, [along, across], scale, residual, varianceKept) => {
    const { alignment, figures } = lineUp(before, turned(along, across), 2, maxResidual)
    const { weight, bias } = back(scale)
    expect([...alignment.weight]).toEqual(close(weight))
    expect([...alignment.bias]).toEqual(close(bias))
    expect(figures.residual).toBeCloseTo(residual, 6)
    expect(figures.varianceKept).toBeCloseTo(varianceKept, 6)
  })
})

test('what is left open stays as it was before', () => {
  const flat = Float32Array.of(3, 5, 1, 5)
  const mirrored = Float32Array.of(1, 0, 0, -1)
  expect([...lineUp(flat, flat, 2, maxResidual).alignment.weight]).toEqual(close([1, 0, 0, 1]))
  expect([...lineUp(flat, flat, 2, maxResidual, mirrored).alignment.weight]).toEqual(close([1, 0, 0, -1]))
})
