/**
 * A Node process that embeds the runtime: it serves a user's embedding from the store that `headwater run --out` left
 * behind, takes in an event of now, and serves the embedding that knows it.
 *
 * node --conditions=@headwater/source --import tsx serve.ts OUT/seed-1
 */
import { join } from 'node:path'
import { createPooling, startRefreshing } from '@headwater/pooling'
import { loadTower } from '@headwater/runtime'
import { servedSnapshotDirectory } from '@headwater/snapshot'
import { openStore } from '@headwater/store'

const [directory] = process.argv.slice(2)
if (directory === undefined) {
  process.stderr.write('Name the directory of a seed, such as out/seed-1, made by `headwater run --out out`.\n')
  process.exit(2)
}

// The snapshot that the publication gate let through last; it throws where there is none.
const tower = await loadTower(await servedSnapshotDirectory(join(directory, 'snapshots')))
await tower.warm()
const { manifest, schema, space, dim } = tower
const store = await openStore(`lmdb:${join(directory, 'store')}`)
const pooling = createPooling({
  store,
  space,
  models: [{ name: 'sum', dim, policy: { slot: 'snapshot', count: 1 } }],
  clock: { now: () => Date.now() },
  refreshDelayMs: 0,
})
await pooling.publish('sum', {
  snapshot: manifest.snapshot,
  frame: manifest.frame,
  // The manifest names the last event trained on, pooling wants the first moment after it.
  dataCutoffMs: manifest.dataCutoffMs + 1,
  dim,
  encode: (rows) => tower.encode(rows),
})
const refresher = startRefreshing(pooling, { onError: (error) => console.error(error) })

const user = await firstKey('user')
const item = await firstKey('item')
const megabytes = (tower.memory.totalBytes / 1e6).toFixed(1)
console.log(
  `${user} reads from ${tower.directory} on ${tower.device.adapter.description}, ${megabytes} MB of its memory`,
)
const before = await read()

// The event knows its outcomes, each 1 here; fields that describe user, item and context are left out.
const values = schema.fields.map((field) => (field.of === 'outcome' ? 1 : null))
const event = { row: 0, user, item, timeMs: Date.now(), values }
await pooling.ingest([event])
const startMs = performance.now()
let after = await read()
while (after.featureTimeMs < event.timeMs) {
  // A read answers at once, here still with the old vector: the refresh is computed beside it.
  await new Promise((resolve) => setTimeout(resolve, 1))
  after = await read()
}
console.log(`fresh ${(performance.now() - startMs).toFixed(1)} ms after ingest`)
for (const [name, { featureTimeMs, vector }] of Object.entries({ before, after })) {
  const start = Array.from(vector.subarray(0, 4), (x) => x.toFixed(3)).join(', ')
  console.log(`${name.padEnd(6)}  features of ${new Date(featureTimeMs).toISOString()}  [${start}, …]`)
}

await refresher.stop()
await pooling.close()
await store.close()
tower.dispose()

async function read() {
  const [served] = (await pooling.read([user], ['sum'])).models
  return { featureTimeMs: served.featureTimeMs[0], vector: served.vectors }
}

async function firstKey(kind: 'user' | 'item'): Promise<string> {
  for await (const key of store.keys(kind)) return key
  throw new RangeError(`The store holds no ${kind}.`)
}
