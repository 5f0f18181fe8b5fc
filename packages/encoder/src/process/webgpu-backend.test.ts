/** The tower itself, in the process and in this one. */
import { type Compiling, EncoderDiedError } from '@headwater/pooling'
import { loadTower, type ServedTower } from '@headwater/runtime'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { publishRandom, randomRows } from '../../testing/random-snapshot.ts'
import { type LoadedSnapshot, startEncoder } from '../index.ts'
import type { EncoderProcess } from './encoder-process.ts'

let tower: ServedTower
let encoder: EncoderProcess
let snapshot: LoadedSnapshot
const told: { compiling: Compiling; status: Compiling | null }[] = []
beforeAll(async () => {
  const directory = await publishRandom(temporaryDirectory(), 1)
  const backend = new URL('../../testing/losing-backend.ts', import.meta.url)
  ;[tower, encoder] = await Promise.all([
    loadTower(directory),
    startEncoder({
      backend,
      backOff: { firstMs: 20 },
      environment: { LP_NUM_THREADS: '1' },
      onCompile: (compiling) => told.push({ compiling, status: encoder.status().compiling }),
    }),
  ])
  snapshot = await encoder.load(directory)
})
afterAll(async () => {
  tower.dispose()
  await encoder.close()
})

test('a process tells of each kernel that it compiles while it loads', () => {
  const numbers = told.map(({ compiling }) => compiling.number)
  expect(numbers.length).toBeGreaterThan(2)
  expect(numbers).toEqual(numbers.map((_, i) => i + 1))
  expect(told.at(-1)!.compiling.total).toBe(numbers.length)
  expect(told.map(({ status }) => status)).toEqual(told.map(({ compiling }) => compiling))
  expect(encoder.status().compiling).toBeNull()
})

test('a process gives the bits of the tower, and again after its device was lost', async () => {
  const batches = [1, 17, 256].map((rows) => randomRows(rows, rows))
  const expected = await Promise.all(batches.map((batch) => tower.encode(batch)))
  expect(await Promise.all(batches.map((batch) => snapshot.encode(batch)))).toEqual(expected)

  // As many rows as the test's backend takes for the sign to lose its device.
  await expect(snapshot.encode(randomRows(666, 1))).rejects.toThrow(EncoderDiedError)
  expect(encoder.status().lastError).toMatch(/Device ".*" was lost/)
  expect(await Promise.all(batches.map((batch) => snapshot.encode(batch)))).toEqual(expected)
  expect(encoder.status()).toMatchObject({ state: 'ready', restarts: 1 })
})
