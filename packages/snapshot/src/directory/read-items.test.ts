import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '@headwater/testkit'
import { unzipSync } from 'fflate'
import { expect, it } from 'vitest'
import { ItemVectors } from '../contents/item-vectors.ts'
import { SnapshotError } from '../files/snapshot-error.ts'
import { oneHead } from '../testing/one-head.ts'
import { snapshotSchema } from '../testing/snapshot-schema.ts'
import { publishSnapshot } from './publish-snapshot.ts'
import { itemArchive, readItems } from './read-items.ts'

const about = { snapshot: 7, frame: 3, dataCutoffMs: 1, trainedRows: 1, config: {} }
const table = Float32Array.of(1, 2, 3, 4, 5, 6)
const publish = (items: ItemVectors | null) =>
  publishSnapshot(temporaryDirectory(), snapshotSchema, [], about, { items })

it('reads the item vectors of a snapshot alone, up to a size, and checks them', async () => {
  const directory = await publish(new ItemVectors(oneHead, table))
  writeFileSync(join(directory, 'weights.safetensors'), 'nobody looks')
  const digest = createHash('sha256').update(new Uint8Array(table.buffer)).digest('hex')
  expect(await readItems(directory, 1000)).toEqual({
    snapshot: 7,
    frame: 3,
    items: new ItemVectors(oneHead, table),
    digest,
  })
  await expect(readItems(directory, 100)).rejects.toThrow(/bytes of item vectors, more than the 100 that are read/)
  writeFileSync(join(directory, 'items.safetensors'), 'other bytes')
  await expect(readItems(directory, 1000)).rejects.toThrow(SnapshotError)
  expect(await readItems(await publish(null), 1000)).toBeNull()
})

it('writes an archive of arrays that tell what they are, the same bytes each time', async () => {
  const layout = { ...oneHead, heads: [...oneHead.heads, { coefficients: 6, intercept: 8 }] }
  const published = (await readItems(await publish(new ItemVectors(layout, table)), 1000))!
  const archive = itemArchive(published)
  expect(itemArchive(published)).toEqual(archive)
  const arrays = Object.entries(unzipSync(archive)).map(([name, file]) => {
    const end = 10 + new DataView(file.buffer, file.byteOffset).getUint16(8, true)
    const [, type, shape] = /'descr': '(.*?)'.*'shape': \((.*?)\)/.exec(
      new TextDecoder().decode(file.subarray(10, end)),
    )!
    const data = file.slice(end).buffer
    const values = type === '<f4' ? new Float32Array(data) : new Uint32Array(data)
    return [name, [shape, type.startsWith('<U') ? String.fromCodePoint(...values) : [...values]]]
  })
  expect(Object.fromEntries(arrays)).toEqual({
    'vectors.npy': ['3, 2', [1, 2, 3, 4, 5, 6]],
    'digest.npy': ['', published.digest],
    'coefficients.npy': ['2, 2', [2, 3, 6, 7]],
    'intercepts.npy': ['2,', [4, 8]],
    'learnt.npy': ['', [2]],
    'snapshot.npy': ['', [7]],
    'frame.npy': ['', [3]],
  })
})
