/**
 * What the page has computed, computed once more in Node by the same packages, and the largest differences as JSON.
 *
 *     node in-node.mjs SEEN.json
 *
 * SEEN.json is of the page: `events` of its IndexedDB, and of `latest` in its console `nowMs`, `embedding` and `ranked` as [id, probability].
 */
import { readFileSync } from 'node:fs'
import { loadMixTower, loadTower } from '@headwater/runtime'

const model = 'public/model'
const { events, nowMs, embedding, ranked } = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const tower = await loadTower(`${model}/snapshot`)
const { space } = tower
const mix = await loadMixTower(`${model}/snapshot`, { device: tower.device })

const items = JSON.parse(readFileSync(`${model}/catalogue.json`, 'utf8'))
const bytes = new Uint8Array(readFileSync(`${model}/item-states.bin`))
const size = space.itemStateBytes
const states = new Map(items.map(({ id }, i) => [id, bytes.subarray(i * size, (i + 1) * size)]))
const event = (item, timeMs, values) => {
  const inOrder = space.schema.fields.map(({ name }) => values[name] ?? null)
  return { row: 0, user: 'visitor', item, timeMs, values: inOrder }
}

const user = space.newUserState()
for (const { item, timeMs, values } of events) space.update(user, states.get(item), event(item, timeMs, values))
const userRow = space.allocate('user', 1)
space.encodeUser(userRow, 0, user, nowMs)
const wanted = await tower.encode(userRow)

const itemRows = space.allocate('item', items.length)
for (const [row, { id, values }] of items.entries())
  space.encodeItem(itemRows, row, states.get(id), event(id, nowMs, { ...values, device: 'desktop' }))
const probabilities = await mix.predict(wanted, itemRows)

const column = space.tasks.findIndex(({ name }) => name === 'open')
const found = new Map(ranked)
const largest = (differences) => differences.reduce((most, difference) => Math.max(most, Math.abs(difference)), 0)
const result = {
  events: events.length,
  embedding: largest(embedding.map((number, j) => number - wanted[j])),
  probabilities: largest(items.map(({ id }, i) => found.get(id) - probabilities[i * space.tasks.length + column])),
}
process.stdout.write(`${JSON.stringify(result)}\n`)
tower.dispose()
