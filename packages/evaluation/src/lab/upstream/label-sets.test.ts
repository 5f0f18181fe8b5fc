/** What a tower of chosen rows is taught, against labels read off the events. */
import { compileFeatures, type LogEvent } from '@headwater/features'
import { expect, test } from 'vitest'
import { smallEvents, smallSchema } from '../../testing/small-log.ts'
import { relabelled } from './label-sets.ts'

const space = compileFeatures(smallSchema)
const events = smallEvents(600, 3)
const stars = ({ values }: LogEvent) => values[3] as number
const isOn = (device: string) => (event: LogEvent) => event.values[2] === device

const sets = [
  { task: 0, rows: [{ kind: 'surface', field: 'device', value: 'd1' }] },
  {
    task: 1,
    rows: [
      { kind: 'surface', field: 'device', value: 'd2' },
      { kind: 'surface', field: 'device', value: 'd1' },
    ],
  },
] as const

test('a row is labelled in each set that has it, and is an example where one has', () => {
  const own = relabelled(space, sets)
  const labels = new Uint8Array(2)
  const weights = new Float32Array(2)
  for (const event of events) {
    const taught = own.relabel(event)
    own.space.labels(taught, labels, weights)
    const [d1, d2] = [isOn('d1')(event), isOn('d2')(event)]
    expect([...weights]).toEqual([d1 ? 1 : 0, d1 || d2 ? 1 : 0])
    expect([...labels]).toEqual([d1 && stars(event) >= 4 ? 1 : 0, (d1 || d2) && stars(event) >= 5 ? 1 : 0])
    expect(own.isExample(taught)).toBe(d1 || d2)
    expect(taught.values.slice(0, event.values.length)).toEqual(event.values)
  }
})

test('tasks keep their weights, and the features are the same', () => {
  const own = relabelled(space, sets)
  expect(own.space.tasks.map(({ weight }) => weight)).toEqual([1, 0.5])
  expect(own.space.user).toEqual(space.user)
  expect(own.space.item).toEqual(space.item)
  const [plain, taught] = [space.newUserState(), own.space.newUserState()]
  const items = [space.newItemState(), own.space.newItemState()]
  for (const event of events.slice(0, 50)) {
    space.update(plain, items[0], event)
    own.space.update(taught, items[1], own.relabel(event))
  }
  const batches = [space, own.space].map((of, i) => {
    const batch = of.allocate('user', 1)
    of.encodeUser(batch, 0, [plain, taught][i], events[60].timeMs)
    return batch
  })
  expect(batches[1]).toEqual(batches[0])
})
