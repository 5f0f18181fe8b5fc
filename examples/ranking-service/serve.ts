/**
 * A ranker of articles that holds tower, store and pooling in its own process.
 *
 * node --conditions=@headwater/source --import tsx serve.ts OUT/seed-1 [PORT]
 */
import { join } from 'node:path'
import { createPooling, startRefreshing } from '@headwater/pooling'
import { loadTower } from '@headwater/runtime'
import { servedSnapshotDirectory } from '@headwater/snapshot'
import { openStore } from '@headwater/store'
import { createRankingService } from './ranking-service.ts'

const [directory, port = '8090'] = process.argv.slice(2)
if (directory === undefined) {
  process.stderr.write('Name the directory of a seed, such as out/seed-1, made by `headwater run --out out`.\n')
  process.exit(2)
}
const model = 'sum'

const tower = await loadTower(await servedSnapshotDirectory(join(directory, 'snapshots')))
await tower.warm()
const { manifest, schema, space, dim } = tower
const store = await openStore(`lmdb:${join(directory, 'store')}`)
const pooling = createPooling({
  store,
  space,
  models: [{ name: model, dim, policy: { slot: 'snapshot', count: 1 } }],
  clock: Date,
  refreshDelayMs: 0,
})
await pooling.publish(model, {
  snapshot: manifest.snapshot,
  frame: manifest.frame,
  // The manifest names the last event trained on, pooling wants the first moment after it.
  dataCutoffMs: manifest.dataCutoffMs + 1,
  dim,
  encode: (rows) => tower.encode(rows),
})
const refresher = startRefreshing(pooling, { onError: (error) => console.error(error) })

const server = createRankingService({ model, dim, schema, store, pooling })
console.log(`ranking on ${await server.listen({ host: '127.0.0.1', port: Number(port) })}`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)

/** In the opposite order: what was answered is in the store. */
async function stop(): Promise<void> {
  await server.close()
  await refresher.stop()
  await pooling.close()
  await store.close()
  tower.dispose()
}
