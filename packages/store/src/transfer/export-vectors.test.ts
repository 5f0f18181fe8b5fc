import { join } from 'node:path'
import { halvesToFloats } from '@headwater/binary16'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, test } from 'vitest'
import { openStore } from '../operations/open-store.ts'
import { RequestError } from '../validation/errors.ts'
import { type ExportPlace, exportVectors, type VectorExport, type VectorRows } from './export-vectors.ts'

const directory = temporaryDirectory()
let stores = 0
const dim = 3

/** A store in which user i has slots of snapshots 1 … `of(i)[0]`, the newest of frame `of(i)[1]`, besides another model. */
async function storeOf(users: number, of: (i: number) => readonly [snapshots: number, frame: number]): Promise<string> {
  const url = `lmdb:${join(directory, `store.${stores++}`)}`
  const store = await openStore(url)
  for (let snapshot = 1; snapshot <= 3; snapshot++) {
    const held = Array.from({ length: users }, (_, i) => i).filter((i) => of(i)[0] >= snapshot)
    for (const frame of new Set(held.map((i) => of(i)[1])))
      for (const model of ['sum', 'sum-other']) {
        const own = held.filter((i) => of(i)[1] === frame)
        await store.append({
          model,
          dim: model === 'sum' ? dim : 5,
          users: own.map((i) => `u${i}`),
          vectors: Float32Array.from(own.flatMap((i) => Array(model === 'sum' ? dim : 5).fill(i + snapshot))),
          snapshot,
          frame,
          featureTimeMs: Float64Array.from(own, (i) => 1_000 + i + snapshot / 4),
          writtenMs: 9_000 + snapshot,
          policy: { slots: 3, count: 2, slot: 'snapshot' },
        })
      }
  }
  await store.close()
  return url
}

interface Found {
  readonly user: string
  readonly vector: readonly number[]
  readonly about: readonly number[]
}

const rowsOf = ({ rows, dim: D, user, halves, snapshot, frame, featureTimeMs, writtenMs }: VectorRows): Found[] => {
  const values = halvesToFloats(halves)
  return Array.from({ length: rows }, (_, row) => ({
    user: user[row],
    vector: [...values.subarray(row * D, (row + 1) * D)],
    about: [snapshot[row], frame[row], featureTimeMs[row], writtenMs[row]],
  }))
}

/** What files would hold at the end. */
async function exported(url: string, options: Partial<VectorExport> = {}, stopAfter = Number.POSITIVE_INFINITY) {
  let parts: Found[][] = []
  let last: ExportPlace | null = options.from ?? null
  const sink = {
    write: async (rows: VectorRows, place: ExportPlace) => {
      if (parts.length === stopAfter) throw new Error('stopped')
      parts.push(rowsOf(rows))
      // As a file has it.
      last = JSON.parse(JSON.stringify(place))
    },
    restart: async () => {
      parts = []
      last = null
    },
  }
  const end = await exportVectors(url, { model: 'sum', ...options }, sink).catch(() => null)
  return { parts, end, last, rows: parts.flat() }
}

const byUser = (rows: readonly Found[]) => rows.toSorted((a, b) => (a.user < b.user ? -1 : 1))

test('every vector of a model is given once, as reads serve it or the newest alone', async () => {
  const url = await storeOf(50, (i) => [1 + (i % 3), 1])
  const wanted = (latest: boolean) =>
    byUser(
      Array.from({ length: 50 }, (_, i) => {
        const newest = 1 + (i % 3)
        // The average of the two newest slots.
        const value = latest || newest === 1 ? i + newest : i + newest - 0.5
        return {
          user: `u${i}`,
          vector: Array(dim).fill(value),
          about: [newest, 1, 1_000 + i + newest / 4, 9_000 + newest],
        }
      }),
    )
  const pooled = await exported(url)
  expect(byUser(pooled.rows)).toEqual(wanted(false))
  expect(pooled.end).toEqual({ frame: 1, cursor: null, rows: 50, otherFrames: {}, damaged: 0 })
  expect(byUser((await exported(url, { latest: true })).rows)).toEqual(wanted(true))
  expect((await exported(url, { model: 'none' })).end).toMatchObject({ rows: 0, frame: null })
})

test('a part has no more rows than are asked for, and an export that is stopped goes on behind the last', async () => {
  const url = await storeOf(40, () => [1, 1])
  const whole = await exported(url, { partRows: 7 })
  expect(Math.max(...whole.parts.map((part) => part.length))).toBeLessThanOrEqual(7 + 6)
  expect(whole.rows).toHaveLength(40)
  for (let stopAfter = 0; stopAfter < whole.parts.length; stopAfter++) {
    const first = await exported(url, { partRows: 7 }, stopAfter)
    expect(first.end).toBeNull()
    const rest = await exported(url, { partRows: 7, from: first.last })
    expect([...first.parts, ...rest.parts]).toEqual(whole.parts)
    expect(rest.end).toEqual(whole.end)
  }
})

test('rows are of one frame, the newest unless another is named, or of all', async () => {
  // In the order of keys an older frame comes first, and the newest in the middle.
  const frames = [1, 1, 4, 2, 2, 4, 1]
  const url = await storeOf(frames.length, (i) => [1, frames[i]])
  const users = (rows: readonly Found[]) => byUser(rows).map(({ user }) => user)
  for (const partRows of [1, 3, 100]) {
    const newest = await exported(url, { partRows })
    expect(users(newest.rows)).toEqual(['u2', 'u5'])
    expect(newest.end).toMatchObject({ frame: 4, rows: 2, otherFrames: { 1: 3, 2: 2 } })
    const named = await exported(url, { partRows, frame: 2 })
    expect(users(named.rows)).toEqual(['u3', 'u4'])
    expect(named.end).toMatchObject({ frame: 2, otherFrames: { 1: 3, 4: 2 } })
    const all = await exported(url, { partRows, frame: 'all' })
    expect(users(all.rows)).toHaveLength(7)
    expect(all.end).toMatchObject({ frame: null, rows: 7, otherFrames: {} })
  }
})

test('vectors of several lengths under one name are refused', async () => {
  const url = await storeOf(3, () => [1, 1])
  const store = await openStore(url)
  await store.append({
    model: 'sum',
    dim: 2,
    users: ['wide'],
    vectors: Float32Array.of(1, 2),
    snapshot: 1,
    frame: 1,
    featureTimeMs: Float64Array.of(1),
    writtenMs: 1,
    policy: { slots: 1, count: 1, slot: 'snapshot' },
  })
  await store.close()
  const sink = { write: async () => {}, restart: async () => {} }
  await expect(exportVectors(url, { model: 'sum' }, sink)).rejects.toThrow(RequestError)
})
