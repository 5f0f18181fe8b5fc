import { type EmbeddingStore, openStore } from '@headwater/store'
import { afterEach, beforeEach } from 'vitest'
import { createPooling, type Pooling, type PoolingOptions } from '../src/index.ts'
import { eventOf, fakeClock, model, space, startMs } from './towers.ts'

export interface PoolingInMemory {
  /** In memory, a new one for each test. */
  readonly store: EmbeddingStore
  /** Stands at `startMs` when a test begins. */
  readonly clock: ReturnType<typeof fakeClock>
  create(options?: Partial<PoolingOptions>): Pooling
  /** An event of each user at its time since `startMs`, one after another, each served before the next. */
  serveEvents(pooling: Pooling, events: readonly (readonly [user: string, ms: number])[]): Promise<void>
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
    serveEvents: async (pooling, events) => {
      for (const [user, ms] of events) {
        clock.nowMs = startMs + ms
        await pooling.ingest([eventOf(user, 'i', clock.nowMs)])
        clock.nowMs++
        await pooling.drain()
      }
    },
  }
}
