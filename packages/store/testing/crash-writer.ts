/**
 * A process to be killed: `node crash-writer.ts PATH SEED`. It waits for a line: `write N` has it do the operations from N
 * on and print each number up to which all are on the disk; `compact` has it compact the store again and again.
 */
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { compactLmdb } from '../src/drivers/lmdb/compact.ts'
import { type EmbeddingStore, openStore } from '../src/index.ts'
import { crashDim, crashItems, crashModel, crashUsers, operationOf, timeOf } from './crash-operations.ts'

const [path, seed] = [process.argv[2], Number(process.argv[3])]

/** Written at once: what is printed was acknowledged, whatever happens next. */
const say = (text: string) => writeSync(1, `${text}\n`)

function bytesOf(n: number): Uint8Array {
  const bytes = new Uint8Array(200)
  new DataView(bytes.buffer).setUint32(0, n)
  return bytes
}

async function perform(store: EmbeddingStore, n: number): Promise<boolean> {
  const operation = operationOf(seed, n)
  const writtenMs = timeOf(n)
  if (operation.kind === 'forget') {
    await store.forget(crashUsers[operation.user], { atMs: timeOf(n) })
  } else if (operation.kind === 'states') {
    const [user, item] = [crashUsers[operation.user], crashItems[operation.item]]
    const { versions } = await store.readStates('user', [user])
    const items = await store.readStates('item', [item])
    const state = bytesOf(n)
    await store.compareAndSetStates([
      [
        { kind: 'user', key: user, expected: versions[0], state, featureTimeMs: operation.timeMs },
        { kind: 'item', key: item, expected: items.versions[0], state },
      ],
    ])
  } else {
    const users = operation.users.map((u) => crashUsers[u])
    const timesMs = new Float64Array(users.length).fill(operation.timeMs)
    if (operation.kind === 'events') {
      const eventIds = users.map(() => `event ${n}`)
      await store.appendEvents({ users, eventIds, timesMs, payloads: users.map(() => bytesOf(n)), writtenMs })
    } else {
      await store.append({
        model: crashModel,
        dim: crashDim,
        users,
        vectors: new Float32Array(users.length * crashDim).fill(n % 1_000),
        snapshot: n,
        frame: 0,
        featureTimeMs: timesMs,
        writtenMs,
        policy: { slots: 3, count: 3, slot: 'snapshot' },
      })
    }
  }
  return operation.flush
}

say('ready')
const [command, from] = await new Promise<string[]>((resolve) => {
  createInterface({ input: process.stdin }).once('line', (line) => resolve(line.split(' ')))
})
if (command === 'compact') {
  for (;;) {
    await compactLmdb(path)
    say('compacted')
  }
}
const store = await openStore(`lmdb:${path}`)
for (let n = Number(from); ; n++) {
  if (!(await perform(store, n))) continue
  await store.flushed()
  say(String(n))
}
