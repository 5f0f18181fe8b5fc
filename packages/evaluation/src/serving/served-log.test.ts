import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { seededRandom } from '@headwater/statistics'
import { temporaryDirectory } from '@headwater/testkit'
import { describe, expect, it } from 'vitest'
import { emptyServedRow, ServedLogReader, ServedLogWriter } from './served-log.ts'

const columns = [
  { model: 'sum', dim: 6, latest: true },
  { model: 'random', dim: 3, latest: false },
]

describe('served log', () => {
  it('gives back what was written, vectors to half precision', async () => {
    const path = join(await temporaryDirectory(), 'served.npy')
    const random = seededRandom(3)
    const writer = new ServedLogWriter(path, columns)
    // values that half precision holds exactly
    const vector = (dim: number) => Float32Array.from({ length: dim }, () => random.nextBelow(2048) / 64 - 16)
    const written = Array.from({ length: 600 }, (_, row) => ({
      row: row * 3,
      timeMs: 1e12 + row,
      models: columns.map(({ dim, latest }) => ({
        status: row % 3,
        snapshot: row % 7,
        featureTimeMs: 1e12 - row,
        ageMs: row * 2,
        pooled: vector(dim),
        latest: latest ? vector(dim) : null,
      })),
    }))
    for (const row of written) writer.append(row)
    writer.close()
    const reader = new ServedLogReader(path, columns)
    const row = emptyServedRow(columns)
    for (const expected of written) {
      expect(reader.read(row)).toBe(true)
      expect(row).toEqual(expected)
    }
    expect(reader.read(row)).toBe(false)
    reader.close()
  })

  it('is a NumPy file whose header adds up to its size', async () => {
    const path = join(await temporaryDirectory(), 'served.npy')
    const writer = new ServedLogWriter(path, columns)
    const row = emptyServedRow(columns)
    for (let i = 0; i < 5; i++) writer.append(row)
    writer.close()
    const file = readFileSync(path)
    expect(file.subarray(0, 8)).toEqual(Buffer.from('\x93NUMPY\x01\x00', 'latin1'))
    const start = 10 + file.readUInt16LE(8)
    const text = file.subarray(10, start).toString()
    expect(text).toMatch(/'shape': \(5,\), \}\s+$/)
    const widths: Record<string, number> = { '<u4': 4, '<f8': 8, u1: 1, '<f2': 2 }
    const record = [...text.matchAll(/\('\w+', '([^']+)'(?:, \((\d+),\))?\)/g)].reduce(
      (sum, [, type, length]) => sum + widths[type] * Number(length ?? 1),
      0,
    )
    expect(file.length - start).toBe(5 * record)
    expect(start % 64).toBe(0)
  })
})
