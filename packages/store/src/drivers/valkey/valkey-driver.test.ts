import { startValkey, startValkeyCluster, type ValkeyCluster, type ValkeyNode } from '@headwater/testkit/valkey'
import { afterAll, beforeAll, describe } from 'vitest'
import { describeConformance } from '../../../testing/conformance.ts'
import { openDriver } from '../../drivers/open-driver.ts'
import { openValkey } from './valkey-driver.ts'

// A key limit that makes long listings take several passes.
const keysAtOnce = 1_000

describe('one server', () => {
  let node: ValkeyNode
  beforeAll(async () => {
    node = await startValkey()
  })
  afterAll(() => node.close())

  describeConformance('valkey: one server', async () => {
    await node.command('FLUSHALL')
    return openValkey(`valkey://${node.address}`, keysAtOnce)
  })

  describeConformance('tiered: over valkey:', async () => {
    await node.command('FLUSHALL')
    return openDriver(`tiered:16MiB:valkey://${node.address}`)
  })
})

describe('a cluster', () => {
  let cluster: ValkeyCluster
  beforeAll(async () => {
    cluster = await startValkeyCluster()
  })
  afterAll(() => cluster.close())

  describeConformance('valkey: a cluster', async () => {
    await Promise.all((await cluster.masters()).map((node) => node.command('FLUSHALL')))
    return openValkey(`valkey://${cluster.nodes[4].address}?durability=replica`, keysAtOnce)
  })
})
