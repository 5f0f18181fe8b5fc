/**
 * A second process with a store open: `node store-process.ts URL`. It says `open`, or the name of the error that opening
 * gave; then for each line `snapshot USER` the snapshot that it reads for the user, for `write` the names of the errors that
 * all writes give, and for `close` it closes and ends.
 */
import { createInterface } from 'node:readline'
import { createReadBuffer, type EmbeddingStore, openStore } from '../src/index.ts'
import { appendValue } from './append-value.ts'

async function errorName(attempt: () => Promise<unknown>): Promise<string> {
  try {
    await attempt()
    return 'none'
  } catch (error) {
    return (error as Error).name
  }
}

async function writeErrors(store: EmbeddingStore): Promise<string> {
  const names = [
    await errorName(() => appendValue(store, ['new'], 1)),
    await errorName(() =>
      store.compareAndSetStates([[{ kind: 'item', key: 'new', expected: 0, state: Uint8Array.of(1) }]]),
    ),
    await errorName(() =>
      store.appendEvents({
        users: ['new'],
        eventIds: ['e'],
        timesMs: Float64Array.of(1),
        payloads: [Uint8Array.of(1)],
        writtenMs: 1,
      }),
    ),
    await errorName(() => store.forget('a')),
  ]
  return names.join(' ')
}

async function snapshotOf(store: EmbeddingStore, user: string): Promise<string> {
  const buffer = createReadBuffer(1, [{ model: 'm', dim: 8 }])
  await store.read({ users: [user], models: [{ model: 'm' }] }, buffer)
  return String(buffer.models[0].snapshot[0])
}

let store: EmbeddingStore | null = null
const failed = await errorName(async () => {
  store = await openStore(process.argv[2])
})
console.log(failed === 'none' ? 'open' : failed)
if (store === null) process.exit()
for await (const line of createInterface({ input: process.stdin })) {
  const [command, user] = line.split(' ')
  if (command === 'close') break
  console.log(command === 'write' ? await writeErrors(store) : await snapshotOf(store, user))
}
await (store as EmbeddingStore).close()
process.exit()
