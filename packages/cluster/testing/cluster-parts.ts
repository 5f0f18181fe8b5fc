import { createPooling, type Encoder, type Pooling } from '@headwater/pooling'
import { dim, space } from '@headwater/pooling/testing/towers'
import { type EmbeddingStore, openStore } from '@headwater/store'
import { type ClusterNode, type ClusterOptions, joinCluster } from '../src/index.ts'

export interface ClusterPart {
  readonly store: EmbeddingStore
  readonly pooling: Pooling
  readonly node: ClusterNode
  /** What went wrong without harm to reads. */
  readonly errors: unknown[]
  close(): Promise<void>
}

/** A ring slot a refresh: what is done twice would be seen. */
const refreshPolicy = { count: 3, slots: 16, slot: 'refresh' } as const

/** A process's part with a model `m`: a reader, or with an encoder a worker. @param open of its store */
export async function openPart(
  url: string,
  encoder: Encoder | null,
  options: Partial<ClusterOptions> = {},
  open: (url: string) => Promise<EmbeddingStore> = openStore,
) {
  const errors: unknown[] = []
  const store = await open(url)
  const node = await joinCluster({
    url,
    tenants: ['default'],
    models: ['m'],
    lookMs: 50,
    onError: (error) => errors.push(error),
    ...options,
  })
  const pooling = createPooling({
    store,
    tenant: 'default',
    space,
    models: [{ name: 'm', dim, policy: refreshPolicy }],
    clock: node.clock,
    batchSize: 16,
    refreshElsewhere: node.offersOf('default'),
  })
  store.addForgetHolder(node.holder)
  const poolings = new Map([['default', pooling]])
  if (encoder === null) await node.read(poolings)
  else {
    await pooling.publish('m', encoder)
    await node.work(poolings)
  }
  let closing: Promise<void> | null = null
  const end = async () => {
    await node.close()
    await pooling.close()
    await store.close()
  }
  // Again, it does nothing.
  const close = () => {
    closing ??= end()
    return closing
  }
  return { store, pooling, node, errors, close } satisfies ClusterPart
}
