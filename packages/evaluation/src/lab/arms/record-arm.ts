/** Bytes of what is stored and served of a user, by the store's own codec. */
import { createReadBuffer, EmbeddingStore, openDriver } from '@headwater/store'
import { type Arm, armOf } from './arm.ts'

const model = 'tower'

export interface RecordArmPlan {
  readonly name: string
  /** Numbers of a user's embeddings. */
  readonly dim: number
  /** Snapshots whose vectors a ring holds and averages. */
  readonly slots: number
}

/** Figures `storedBytes`, of one ring that is full, and `servedBytes`, of the vector that a read gives. */
export function recordArm({ name, dim, slots }: RecordArmPlan): Arm {
  return armOf('record', { name, title: 'bytes of a record', dim, slots }, async () => {
    const driver = await openDriver('memory:')
    const store = new EmbeddingStore(driver, 'tenant')
    try {
      const users = ['user']
      const policy = { slots, count: slots, slot: 'snapshot' } as const
      for (let snapshot = 1; snapshot <= slots; snapshot++) {
        const vectors = new Float32Array(dim).fill(1 / snapshot)
        const times = { featureTimeMs: Float64Array.of(snapshot), writtenMs: snapshot }
        await store.append({ model, dim, users, vectors, snapshot, frame: 1, policy, ...times })
      }
      let storedBytes = 0
      await driver.readRings('tenant', users, [model], (_, __, record) => {
        storedBytes = record?.length ?? 0
      })
      const buffer = createReadBuffer(1, [{ model, dim, halves: true }])
      await store.read({ users, models: [{ model }] }, buffer)
      return { columns: {}, figures: { storedBytes, servedBytes: buffer.models[0].halves!.byteLength } }
    } finally {
      await store.close()
    }
  })
}
