/** Rows side by side, from logs that the service's own writer made. */
import { join } from 'node:path'
import { openServedLog } from '@headwater/logs'
import { type ServedBatch, servedStatus } from '@headwater/pooling'
import { seededRandom } from '@headwater/statistics'
import { temporaryDirectory } from '@headwater/testkit'
import { describe, expect, test } from 'vitest'
import { ServedLogError, type ServedRow, servedRows } from './served-log.ts'

const models = [
  { model: 'sum', dim: 6 },
  { model: 'random', dim: 3 },
]
const random = seededRandom(3)

/** Of values that half precision holds exactly. */
function readOf(users: readonly string[], servedMs: number, of = models): ServedBatch {
  const rows = users.length
  const values = (count: number) => Float32Array.from({ length: count }, () => random.nextBelow(2048) / 64 - 16)
  return {
    users,
    servedMs,
    models: of.map(({ model, dim }) => ({
      model,
      dim,
      vectors: values(rows * dim),
      halves: null,
      latest: values(rows * dim),
      status: Uint8Array.from(users, () => random.nextBelow(3)),
      snapshot: Uint32Array.from(users, () => random.nextBelow(9)),
      frame: new Uint32Array(rows),
      featureTimeMs: Float64Array.from(users, () => servedMs - random.nextBelow(1e6)),
      ageMs: new Float64Array(rows),
      computed: null,
    })),
  }
}

async function logged(reads: readonly ServedBatch[]): Promise<string> {
  const directory = join(temporaryDirectory(), 'served')
  const log = await openServedLog({ directory, tenant: 'default', latest: ['sum'] })
  for (const [i, read] of reads.entries()) log.record(read, `read ${i}`)
  await log.close()
  return directory
}

describe('served rows', () => {
  test('are those of each read, its models side by side', async () => {
    // Longer than a row group, and reads that lie across the end of one.
    const reads = Array.from({ length: 1500 }, (_, i) => {
      return readOf(
        Array.from({ length: 1 + random.nextBelow(5) }, (_, u) => `user-${i % 7}-${u}`),
        1e12 + i,
      )
    })
    const found: ServedRow[] = []
    const names = models.map(({ model }) => model)
    for await (const row of servedRows(await logged(reads), names)) found.push(row)
    const expected = reads.flatMap(({ users, servedMs, models }) =>
      users.map((user, u) => ({
        user,
        timeMs: servedMs,
        models: models.map(({ model, dim, vectors, latest, status, snapshot, featureTimeMs }) => ({
          status: status[u],
          snapshot: snapshot[u],
          featureTimeMs: featureTimeMs[u],
          ageMs: status[u] === servedStatus.default ? Number.NaN : servedMs - featureTimeMs[u],
          pooled: vectors.slice(u * dim, (u + 1) * dim),
          latest: model === 'sum' ? latest!.slice(u * dim, (u + 1) * dim) : null,
        })),
      })),
    )
    expect(found).toEqual(expected)
  })

  test('of reads that lack a model are refused', async () => {
    const directory = await logged([readOf(['ann'], 1), readOf(['ann', 'bob'], 2, models.slice(0, 1))])
    const rows = servedRows(
      directory,
      models.map(({ model }) => model),
    )
    expect((await rows.next()).value).toMatchObject({ user: 'ann' })
    await expect(rows.next()).rejects.toThrow(ServedLogError)
  })
})
