import { type EmbeddingStore, openStore } from '@headwater/store'
import { afterEach, beforeEach } from 'vitest'
import { createPooling, type Pooling, type PoolingOptions } from '../src/index.ts'
import { fakeClock, model, space, startMs } from './towers.ts'

export interface PoolingInMemory {
  /** In memory, a new one for each test. */
  readonly store: EmbeddingStore
  /** Stands at `startMs` when a test begins. */
  readonly clock: ReturnType<typeof fakeClock>
  create(options?: Partial<PoolingOptions>): Pooling
}

/** A store, a clock that stands still, and poolings over both, for each test of the file that calls it. */
export function poolingInMemory(): PoolingInMemory {
  let store: EmbeddingStore
  const clock = fakeClock()
  beforeEach(async () => {
    store = await openStore('memory:')
    clock.nowMs = startMs
  })
  afterEach(() => store.close())
  return {
    get store() {
      return store
    },
    clock,
    create: (options) => createPooling({ store, space, models: [model], clock, refreshDelayMs: 0, ...options }),
  }
}
