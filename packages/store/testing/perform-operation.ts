import type { EmbeddingStore } from '../src/index.ts'
import { crashDim, crashItems, crashModel, crashUsers, operationOf, timeOf } from './crash-operations.ts'

function bytesOf(n: number): Uint8Array {
  const bytes = new Uint8Array(200)
  new DataView(bytes.buffer).setUint32(0, n)
  return bytes
}

/** Does operation n of a seed. @returns whether the writer waits for the disk after it */
export async function performOperation(store: EmbeddingStore, seed: number, n: number): Promise<boolean> {
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
