/** Item vectors over a service that listens, as the client and others ask for them. */
import { floatToHalf } from '@headwater/binary16'
import { createClient } from '@headwater/client'
import type { ServedItems } from '@headwater/client/schemas'
import { bucketOf } from '@headwater/features'
import { UnknownSnapshotError } from '@headwater/pooling'
import { model } from '@headwater/pooling/testing/towers'
import { seededRandom } from '@headwater/statistics'
import { describe, expect, it } from 'vitest'
import { tokenOf } from '../../testing/http-service.ts'
import { observeService } from '../../testing/observed-service.ts'

const layout = { learnt: 1, width: 2, heads: [{ coefficients: 1, intercept: 3 }] }
const buckets = 4
/** Of bucket b, of snapshot s: [b + .1, s]; .1 is rounded in fp16, and in f32. */
function itemsOf(snapshot: number): ServedItems {
  const table = Float32Array.from({ length: buckets * 2 }, (_, i) => (i % 2 === 0 ? i / 2 + 0.1 : snapshot))
  const about = { snapshot, frame: 3, servedSnapshot: 4, servedFrame: 3, layout, buckets, digest: `digest ${snapshot}` }
  const read = (items: readonly string[]) => {
    const rows = items.map((item) => 2 * bucketOf('item', item, buckets))
    return Float32Array.from(rows.flatMap((at) => [table[at], table[at + 1]]))
  }
  return { ...about, table, read, archive: () => Uint8Array.of(80, 75, snapshot) }
}

const source = {
  open: async (snapshot: number | null) => {
    if (snapshot !== null && snapshot > 4) throw new UnknownSnapshotError(`no snapshot ${snapshot}; there are 3 and 4`)
    return snapshot === 2 ? null : itemsOf(snapshot ?? 4)
  },
}
const serving = (limits = {}) => observeService({ models: [{ ...model, name: 'm', items: source }], limits })
const about = { model: 'm', frame: 3, servedSnapshot: 4, servedFrame: 3, layout }
const first = (item: string) => Math.fround(bucketOf('item', item, buckets) + 0.1)
/** As JSON has it. */
const firstText = (item: string) => Number(`${bucketOf('item', item, buckets)}.1`)

describe('item vectors', () => {
  it('come by key, of the served snapshot or an earlier one, which is told', async () => {
    const { ask } = await serving()
    const one = await ask('GET', '/v1/models/m/items/a%2Fb', undefined, tokenOf.reader)
    expect(one.body).toEqual({ ...about, snapshot: 4, encoding: 'f32', vectors: [firstText('a/b'), 4] })
    const older = await ask('GET', '/v1/models/m/items/a?snapshot=3')
    expect(older.body).toMatchObject({ snapshot: 3, servedSnapshot: 4, vectors: [firstText('a'), 3] })
    const some = await ask('POST', '/v1/models/m/items', { items: ['a', 'b'], snapshot: 3 })
    expect(some.body.vectors).toEqual([firstText('a'), 3, firstText('b'), 3])
    const table = await ask('GET', '/v1/models/m/items?snapshot=3')
    const { table: vectors, digest } = itemsOf(3)
    const texts = [0.1, 3, 1.1, 3, 2.1, 3, 3.1, 3]
    expect(table.body).toEqual({ ...about, snapshot: 3, buckets, digest, vectors: texts })
    expect(Float32Array.from(texts)).toEqual(vectors)
  })

  it('read back from JSON to the same bits, in the fewest digits', async () => {
    const random = seededRandom(1)
    const table = Float32Array.from({ length: buckets * 2 }, () => random.nextFloat() - 0.5)
    const of = { ...itemsOf(4), table, read: (items: readonly string[]) => table.slice(0, 2 * items.length) }
    const { ask } = await observeService({ models: [{ ...model, name: 'm', items: { open: async () => of } }] })
    const whole = (await ask('GET', '/v1/models/m/items')).body.vectors
    expect(Float32Array.from(whole)).toEqual(table)
    const items = ['a', 'b', 'c', 'd']
    const { encoding, vectors } = (await ask('POST', '/v1/models/m/items', { items, encoding: 'f16' })).body
    expect(encoding).toBe('f16')
    expect(vectors.map(floatToHalf)).toEqual([...table].map(floatToHalf))
    const digitsOf = (values: readonly number[]) => values.map((value) => String(Math.abs(value)).replace(/^0\.0*/, ''))
    expect(Math.max(...digitsOf(whole).map(({ length }) => length))).toBeLessThanOrEqual(9)
    expect(Math.max(...digitsOf(vectors).map(({ length }) => length))).toBeLessThanOrEqual(5)
    expect((await ask('POST', '/v1/models/m/items', { items: [] })).body).toMatchObject({
      encoding: 'f32',
      vectors: [],
    })
  })

  it('come to the client, as fp16 or exactly, and whole', async () => {
    const { url } = await serving()
    const client = createClient({ url, token: tokenOf.reader })
    const halves = await client.items('m', ['a', 'b'])
    expect(halves).toMatchObject({ ...about, snapshot: 4 })
    expect(halves.vectors).toHaveLength(4)
    expect(Math.abs(halves.vectors[0] - first('a'))).toBeLessThan(2e-3)
    const exact = createClient({ url, token: tokenOf.reader, encoding: 'f32' })
    expect([...(await exact.items('m', ['a'], { snapshot: 3 })).vectors]).toEqual([first('a'), 3])
    expect((await exact.items('m', [])).vectors).toHaveLength(0)
    expect(await client.itemTable('m')).toEqual({
      ...about,
      snapshot: 4,
      buckets,
      digest: 'digest 4',
      vectors: itemsOf(4).table,
    })
    expect(await client.itemTable('m', { snapshot: 3 })).toMatchObject({ snapshot: 3, digest: 'digest 3' })
    await expect(client.items('m', ['a'], { snapshot: 2 })).rejects.toMatchObject({
      code: 'no_item_vectors',
      status: 404,
    })
  })

  it('come as an archive, which is not sent again to those who have it', async () => {
    const { url } = await serving()
    const get = (headers = {}) =>
      fetch(`${url}/v1/models/m/items.npz`, { headers: { authorization: `Bearer ${tokenOf.reader}`, ...headers } })
    const archive = await get()
    expect([archive.status, archive.headers.get('content-type')]).toEqual([200, 'application/zip'])
    expect([...new Uint8Array(await archive.arrayBuffer())]).toEqual([80, 75, 4])
    const etag = archive.headers.get('etag')!
    expect((await get({ 'if-none-match': etag })).status).toBe(304)
    expect((await get({ 'if-none-match': '"another"' })).status).toBe(200)
  })

  it('are refused where a request is none, or there are none', async () => {
    const { ask } = await serving({ maxItems: 2, maxVectorValues: 5 })
    const cases = [
      ['POST', 'm/items', { items: ['a', ''] }, 'invalid_key', 'items[1]'],
      ['POST', 'm/items', { items: ['a', 'b', 'c'] }, 'batch_too_large', 'over the limit of 2'],
      ['POST', 'm/items', { items: ['a'], snapshot: -1 }, 'invalid_request', 'snapshot is -1'],
      ['POST', 'm/items', { items: ['a'], snapshot: 1.5 }, 'invalid_request', 'snapshot'],
      ['POST', 'm/items', { items: ['a'], more: 1 }, 'invalid_request', 'has a field "more"'],
      ['POST', 'm/items', {}, 'invalid_request', 'items is missing'],
      ['POST', 'm/items', { items: ['a'], snapshot: 9 }, 'unknown_snapshot', 'no snapshot 9'],
      ['GET', 'm/items?snapshot=x', undefined, 'invalid_request', 'snapshot is no whole number'],
      ['GET', 'm/items?snapshot=1&snapshot=2', undefined, 'invalid_request', 'snapshot is no whole number'],
      ['GET', 'm/items', undefined, 'batch_too_large', 'ask for items.npz'],
      ['GET', 'm/items/a%00', undefined, 'invalid_key', 'the item'],
      ['GET', 'm/items.npz?snapshot=2', undefined, 'no_item_vectors', 'snapshot 2 of model "m" has no item vectors'],
      ['GET', 'other/items/a', undefined, 'unknown_model', 'other'],
    ] as const
    for (const [method, path, body, code, message] of cases) {
      const answer = await ask(method, `/v1/models/${path}`, body)
      expect([answer.body.error.code, answer.body.error.message], path).toEqual([
        code,
        expect.stringContaining(message),
      ])
    }
    const without = await observeService()
    const answer = await without.ask('GET', '/v1/models/m/items/a')
    expect([answer.status, answer.body.error.code]).toEqual([404, 'no_item_vectors'])
  })
})
