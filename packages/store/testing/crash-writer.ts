/**
 * A writer to be killed: `node crash-writer.ts PATH`. Round r sets user and item `k` of both their states to r in one
 * group, appends an embedding of snapshot r, and once it is flushed prints r.
 */
import { openStore } from '../src/index.ts'

const store = await openStore(`lmdb:${process.argv[2]}`)
const keys = 50
let round = 0
for await (const key of store.keys('user')) {
  const { states } = await store.readStates('user', [key])
  round = Math.max(round, new DataView(states[0]!.buffer).getUint32(0))
}
for (;;) {
  round++
  const key = `k${round % keys}`
  const state = new Uint8Array(200)
  new DataView(state.buffer).setUint32(0, round)
  const users = await store.readStates('user', [key])
  const items = await store.readStates('item', [key])
  await store.compareAndSetStates([
    [
      { kind: 'user', key, expected: users.versions[0], state },
      { kind: 'item', key, expected: items.versions[0], state },
    ],
  ])
  await store.append({
    model: 'm',
    dim: 64,
    users: [key],
    vectors: new Float32Array(64).fill(round % 1_000),
    snapshot: round,
    frame: 0,
    featureTimeMs: Float64Array.of(round),
    writtenMs: round,
    policy: { slots: 3, count: 3, slot: 'snapshot' },
  })
  if (round % 7 === 0) {
    await store.flushed()
    process.stdout.write(`${round}\n`)
  }
}
