import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, test } from 'vitest'
import { stepLog } from './step-log.ts'

const rates = { dense: 1e-3, tables: 0.02, weightDecay: 0.01 }
const step = (number: number, loss: number | null = 0.5) => ({
  step: number,
  rows: 100,
  losses: [loss, 0.25],
  gradientNorm: loss,
  rates,
})
const linesOf = (path: string) =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

test('steps are lines, and a training that goes on behind a checkpoint makes none twice', () => {
  const path = join(temporaryDirectory(), 'metrics.jsonl')
  const first = stepLog(path, ['click', 'buy'])
  first([step(1), step(2, null)], 500)
  expect(linesOf(path)).toEqual([
    { step: 1, loss: { click: 0.5, buy: 0.25 }, gradientNorm: 0.5, rate: 1e-3, tablesRate: 0.02, rowsPerSecond: 400 },
    { step: 2, loss: { click: null, buy: 0.25 }, gradientNorm: null, rate: 1e-3, tablesRate: 0.02, rowsPerSecond: 400 },
  ])
  first([step(3), step(4)], 0)
  // Cut off within a line; the checkpoint had read back three steps.
  appendFileSync(path, '{"step":5,"lo')
  stepLog(path, ['click', 'buy'], 3)([step(4), step(5)], 100)
  expect(linesOf(path).map((line) => line.step)).toEqual([1, 2, 3, 4, 5])
  stepLog(path, ['click', 'buy'])([step(1)], 100)
  expect(linesOf(path).map((line) => line.step)).toEqual([1])
})
