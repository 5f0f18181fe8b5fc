import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { EvaluationResult } from '@headwater/evaluation'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, test } from 'vitest'
import { recordFinal } from './finals.ts'

const result = {
  startedAt: '2026-12-02T05:00:00.000Z',
  commit: 'abc1234',
  command: 'headwater evaluate gain --window final',
  experiments: [{ name: 'gain', holds: true, seeds: [1, 2, 3] }],
} as unknown as EvaluationResult

test('a final run of the bundled log is recorded with commit and date, and no other run is', () => {
  const path = join(temporaryDirectory(), 'finals.json')
  const final = { data: 'movietweetings', window: 'final' }
  expect(recordFinal(final, result, path)).toBe('')
  writeFileSync(path, '[]')
  for (const other of [
    { ...final, window: 'tune' },
    { ...final, data: 'synthetic' },
    { ...final, quick: true },
  ])
    expect(recordFinal(other, result, path)).toBe('')
  expect(readFileSync(path, 'utf8')).toBe('[]')
  for (const _ of [1, 2]) expect(recordFinal(final, result, path)).toContain(path)
  const recorded = {
    date: '2026-12-02',
    commit: 'abc1234',
    command: 'headwater evaluate gain --window final',
    experiments: [{ name: 'gain', holds: true, seeds: 3 }],
  }
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual([recorded, recorded])
})
