import { servedStatus } from '@headwater/pooling'
import { startValkeyCluster, until, type ValkeyCluster } from '@headwater/testkit/valkey'
import { afterAll, beforeAll, beforeEach, onTestFinished } from 'vitest'
import { SharedQueues } from '../src/queue/shared-queue.ts'
import { type ClusterPart, openPart } from './cluster-parts.ts'

type PartArguments = Parameters<typeof openPart> extends [string, ...infer Rest] ? Rest : never

/** A real cluster of 3 + 3 for the tests of a file, emptied before each, and parts of it that end with their test. */
export class TestCluster {
  #servers: ValkeyCluster | null = null

  constructor() {
    beforeAll(async () => {
      this.#servers = await startValkeyCluster()
    })
    afterAll(() => this.servers.close())
    beforeEach(async () => {
      for (const master of await this.servers.masters()) await master.command('FLUSHALL')
    })
  }

  /** Once the first test has begun. */
  get servers(): ValkeyCluster {
    return this.#servers!
  }

  get url(): string {
    return `valkey://${this.servers.nodes.map(({ address }) => address).join(',')}?durability=replica&timeout=1000`
  }

  async part(...args: PartArguments): Promise<ClusterPart> {
    const opened = await openPart(this.url, ...args)
    onTestFinished(opened.close)
    return opened
  }

  async queues(): Promise<SharedQueues> {
    const queues = await SharedQueues.connect(this.url)
    onTestFinished(() => queues.close())
    return queues
  }
}

/** Resolves once all users are served embeddings as of a time or later. */
export async function untilFresh({ pooling }: ClusterPart, users: readonly string[], timeMs = 0): Promise<void> {
  await until('all users are refreshed', async () => {
    const [{ status, featureTimeMs }] = (await pooling.read(users, ['m'])).models
    return [...status].every((each, i) => each !== servedStatus.default && featureTimeMs[i] >= timeMs)
  })
}
