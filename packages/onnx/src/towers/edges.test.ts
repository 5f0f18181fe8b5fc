/** What models make of rows and snapshots that are at the edge of what can be. Shape letters: R rows, M values, L events. */
import { compileFeatures, type LogEvent, type SideBatch } from '@headwater/features'
import * as reading from '@headwater/runtime/reading-version'
import { seededRandom } from '@headwater/statistics'
import { describe, expect, test } from 'vitest'
import { exportMixTower, exportUserTower, inputArrays, OnnxExportError } from '../index.ts'
import { testModels } from '../testing/models.ts'
import { randomBatch } from '../testing/random-batch.ts'
import { randomSnapshot } from '../testing/random-snapshot.ts'
import { openModel } from '../testing/session.ts'

const model = testModels['every extractor, attention bags, periodic, two blocks, two levels']
const random = seededRandom(5)
const snapshot = { ...randomSnapshot(model, random), alignment: null }
const space = compileFeatures(model.schema)
const { user } = space
const places = user.sequence!.length

async function embeddingsOf(batch: SideBatch): Promise<Float32Array> {
  const session = await openModel(exportUserTower(snapshot))
  const { embeddings } = await session.run(inputArrays(user, batch))
  await session.release()
  return embeddings.data
}

function expectReference(found: Float32Array, batch: SideBatch): void {
  const expected = Array.from({ length: batch.rows }, (_, r) =>
    reading.userTower(snapshot.matrices, model.config, reading.rowAt(user, batch, r)),
  ).flat()
  for (const [i, value] of expected.entries()) expect(Math.abs(found[i] - value), `number ${i}`).toBeLessThan(1e-4)
}

describe('rows', () => {
  test('what lies behind a length is not read, whatever it is', async () => {
    const batch = randomBatch(user, 9, random)
    const clean = await embeddingsOf(batch)
    for (const [i, { ids, lengths }] of batch.bags.entries()) {
      const { maxValues } = user.bags[i]
      for (let r = 0; r < batch.rows; r++) ids.fill(0xffff_ffff, r * maxValues + lengths[r], (r + 1) * maxValues)
    }
    const { ids, channels, lengths, categories } = batch.sequence!
    for (let r = 0; r < batch.rows; r++) {
      const [from, to] = [r * places + lengths[r], (r + 1) * places]
      for (const one of [ids, ...categories]) one.fill(1_000_000, from, to)
      channels.fill(Number.NaN, from * user.sequence!.channels, to * user.sequence!.channels)
    }
    expect(await embeddingsOf(batch)).toEqual(clean)
  })

  test('a value that the table does not have is a vector of zeros, and still counts in a mean', async () => {
    const tokens = model.config.user.tokens.map((own) =>
      own.kind === 'bags' ? ({ ...own, pooling: 'mean' } as const) : own,
    )
    const means = { ...model, config: { ...model.config, user: { ...model.config.user, tokens } } }
    const file = exportUserTower({ ...snapshot, manifest: { ...snapshot.manifest, config: means.config } })
    const bag = user.bags.findIndex(({ name }) => name === 'tags')
    const batch = randomBatch(user, 3, random)
    const { ids, lengths } = batch.bags[bag]
    lengths.fill(2)
    const tags = snapshot.matrices.get('user.tags')!
    const withZeros = { ...tags, rows: tags.rows + 1, data: Float32Array.from([...tags.data, ...new Array(8).fill(0)]) }
    for (let r = 0; r < 3; r++) ids[r * 3 + 1] = tags.rows
    const values = new Map([...snapshot.matrices, ['user.tags', withZeros]])
    const session = await openModel(file)
    const { embeddings } = await session.run(inputArrays(user, batch))
    await session.release()
    const expected = [0, 1, 2].flatMap((r) => reading.userTower(values, means.config, reading.rowAt(user, batch, r)))
    for (const [i, value] of expected.entries()) expect(Math.abs(embeddings.data[i] - value)).toBeLessThan(1e-4)
  })

  test('dense values far out keep the digits of their sines', async () => {
    const batch = randomBatch(user, 4, random)
    for (let i = 0; i < batch.dense.length; i++) batch.dense[i] = Math.fround(batch.dense[i] * 200)
    // The float32 product of value and frequency, which both sides share, is what limits it.
    const found = await embeddingsOf(batch)
    const expected = [0, 1, 2, 3].flatMap((r) =>
      reading.userTower(snapshot.matrices, model.config, reading.rowAt(user, batch, r)),
    )
    for (const [i, value] of expected.entries()) expect(Math.abs(found[i] - value)).toBeLessThan(5e-3)
  })

  test('a value on an edge of bins without width has reached them', async () => {
    const unfitted = testModels['piecewise, sums, recent events alone, a bounded head']
    const { matrices, ...rest } = randomSnapshot(unfitted, random)
    const constant = (name: string, value: number) => {
      const matrix = matrices.get(name)!
      return [name, { ...matrix, data: new Float32Array(matrix.data.length).fill(value) }] as const
    }
    const values = new Map([
      ...matrices,
      constant('user.dense.center', 0),
      constant('user.dense.scale', 1),
      constant('user.dense.edges', 0),
    ])
    const batch = randomBatch(user, 3, random)
    batch.dense.fill(0, 0, 4)
    const session = await openModel(exportUserTower({ ...rest, matrices: values, alignment: null }))
    const { embeddings } = await session.run(inputArrays(user, batch))
    await session.release()
    const expected = [0, 1, 2].flatMap((r) => reading.userTower(values, unfitted.config, reading.rowAt(user, batch, r)))
    for (const [i, value] of expected.entries()) expect(Math.abs(embeddings.data[i] - value)).toBeLessThan(1e-4)
  })

  test('batches of a feature space: a user never seen, one with every value, one with all of them missing', async () => {
    const known = space.newUserState()
    const nameless = space.newUserState()
    const item = space.newItemState()
    const values: Record<string, LogEvent['values'][number]> = {
      age: 31,
      taste: Float32Array.of(0.1, -2, 0.7),
      country: 'nowhere before',
      tags: ['a', 'b', 'c', 'd'],
      price: 2,
      genres: ['x'],
      surface: 'home',
      rating: 5,
      action: 'play',
    }
    const event = (row: number, full: boolean): LogEvent => ({
      row,
      user: full ? 'u' : 'v',
      item: `item ${row}`,
      timeMs: 1000 * row,
      values: model.schema.fields.map(({ name }) => (full ? values[name] : null)),
    })
    for (let row = 0; row < places + 3; row++) space.update(known, item, event(row, true))
    for (let row = 0; row < 2; row++) space.update(nameless, item, event(row, false))
    const batch = space.allocate('user', 3)
    for (const [r, state] of [space.newUserState(), known, nameless].entries())
      space.encodeUser(batch, r, state, 60_000)
    expect([...batch.sequence!.lengths]).toEqual([0, places, 2])
    expectReference(await embeddingsOf(batch), batch)
  })
})

describe('a snapshot that cannot be exported', () => {
  test.each(['user.level1.cross.up2.weight', 'user.sequence.block2.hidden.bias'])('lacks %s', (name) => {
    const matrices = new Map(snapshot.matrices)
    const { rows, cols, data } = matrices.get(name)!
    matrices.delete(name)
    const message = new RegExp(`^snapshot-000003: tensor ${name} is missing or not ${rows} × ${cols}`)
    for (const make of [exportUserTower, exportMixTower]) {
      expect(() => make({ ...snapshot, matrices })).toThrow(OnnxExportError)
      expect(() => make({ ...snapshot, matrices })).toThrow(message)
    }
    matrices.set(name, { name, rows: rows + 1, cols, data })
    expect(() => exportUserTower({ ...snapshot, matrices })).toThrow(message)
  })

  test('is over 2 GB', () => {
    const rows = 2 ** 24
    const large = ['country', 'tags', 'action', 'surface']
    const fields = model.schema.fields.map((field) =>
      large.includes(field.name) ? { ...field, buckets: rows } : field,
    )
    // One array for all of them, of which no page is touched.
    const data = new Float32Array(rows * 8)
    const matrices = new Map(snapshot.matrices)
    const tables = ['user.country', 'user.tags', 'user.sequence.action', 'user.sequence.surface', 'item.surface']
    for (const name of tables) matrices.set(name, { name, rows, cols: 8, data })
    const huge = { ...snapshot, schema: { ...model.schema, fields }, matrices }
    expect(() => exportUserTower(huge)).toThrow(OnnxExportError)
    expect(() => exportUserTower(huge)).toThrow(/with tensor user\.sequence\.surface the model has 2147\d+ bytes/)
  })

  test('has an alignment that is no rotation, which only the mix tower needs to undo', () => {
    const dim = 24
    const weight = Float32Array.from({ length: dim * dim }, (_, i) => (i % (dim + 1) === 0 || i === 1 ? 1 : 0))
    const sheared = { ...snapshot, alignment: { dim, weight, bias: new Float32Array(dim) } }
    expect(exportUserTower(sheared).length).toBeGreaterThan(1000)
    expect(() => exportMixTower(sheared)).toThrow(OnnxExportError)
    expect(() => exportMixTower(sheared)).toThrow(/alignment is no rotation/)
  })

  test('has an alignment of another width', () => {
    const narrow = { dim: 2, weight: Float32Array.of(1, 0, 0, 1), bias: new Float32Array(2) }
    expect(() => exportUserTower({ ...snapshot, alignment: narrow })).toThrow(OnnxExportError)
    expect(() => exportUserTower({ ...snapshot, alignment: narrow })).toThrow(/alignment is 2 wide, .* are 24/)
  })
})
