import { seededRandom } from '@headwater/statistics'
import proto from 'onnx-proto'
import { expect, test } from 'vitest'
import { exportMixTower, exportUserTower, modelPorts } from '../index.ts'
import { testModels } from '../testing/models.ts'
import { randomSnapshot } from '../testing/random-snapshot.ts'

const snapshot = randomSnapshot(testModels['piecewise, sums, recent events alone, a bounded head'], seededRandom(1))

test('the user tower takes the arrays of a user batch, by name', () => {
  expect(modelPorts(exportUserTower(snapshot))).toEqual({
    inputs: [
      { name: 'dense', type: 'float32', dims: ['R', 8] },
      { name: 'bag.country.ids', type: 'int32', dims: ['R', 1] },
      { name: 'bag.country.lengths', type: 'int32', dims: ['R'] },
      { name: 'bag.tags.ids', type: 'int32', dims: ['R', 3] },
      { name: 'bag.tags.lengths', type: 'int32', dims: ['R'] },
      { name: 'bag.weekday.ids', type: 'int32', dims: ['R', 1] },
      { name: 'bag.weekday.lengths', type: 'int32', dims: ['R'] },
      { name: 'sequence.ids', type: 'int32', dims: ['R', 7] },
      { name: 'sequence.channels', type: 'float32', dims: ['R', 7, 7] },
      { name: 'sequence.lengths', type: 'int32', dims: ['R'] },
      { name: 'sequence.category.action', type: 'int32', dims: ['R', 7] },
      { name: 'sequence.category.surface', type: 'int32', dims: ['R', 7] },
      { name: 'sequence.category.hour', type: 'int32', dims: ['R', 7] },
    ],
    outputs: [{ name: 'embeddings', type: 'float32', dims: ['R', 24] }],
  })
})

test('the mix tower takes what the user tower gives, and the arrays of an item batch', () => {
  const { inputs, outputs } = modelPorts(exportMixTower(snapshot))
  expect(inputs[0]).toEqual(modelPorts(exportUserTower(snapshot)).outputs[0])
  expect(inputs.slice(1).map(({ name }) => name)).toEqual([
    'dense',
    ...['item', 'genres', 'surface'].flatMap((bag) => [`bag.${bag}.ids`, `bag.${bag}.lengths`]),
  ])
  expect(outputs).toEqual(['logits', 'probabilities'].map((name) => ({ name, type: 'float32', dims: ['R', 3] })))
})

test('weights keep their names, and metadata says what they are of', () => {
  const { graph, metadataProps } = proto.onnx.ModelProto.decode(exportUserTower(snapshot))
  const names = graph!.initializer!.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  for (const { name, data } of snapshot.matrices.values()) {
    // The edges of bins are taken apart.
    if (!name.startsWith('user.') || name === 'user.dense.edges') continue
    const bytes = graph!.initializer!.find((one) => one.name === name)?.rawData
    expect(Buffer.from(bytes ?? []).equals(Buffer.from(data.buffer)), name).toBe(true)
  }
  expect(names.filter((name) => name!.startsWith('item.') || name!.startsWith('mix.'))).toEqual([])
  const metadata = Object.fromEntries(metadataProps!.map(({ key, value }) => [key, value]))
  expect(metadata).toMatchObject({
    'headwater.snapshot': '3',
    'headwater.schema': 'onnx-test',
    'headwater.embeddings': '[3,8]',
    'headwater.tasks': '["liked","loved","rated"]',
  })
  expect(JSON.parse(metadata['headwater.dense'])).toHaveLength(8)
})
