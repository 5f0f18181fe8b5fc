/**
 * Lets a cluster of 3 + 3 suffer under load, round by round, and checks what it keeps:
 * `npx nx run store:faults -- --rounds 10 --seed 7`. A write counts once a replica has it (`durability=replica`) or, where
 * all servers go at once, the disks (`durability=disk`).
 */
import { parseArgs } from 'node:util'
import { startValkeyCluster, type ValkeyCluster, type ValkeyNode } from '@headwater/testkit/valkey'
import { hashName } from '../src/drivers/valkey/layout.ts'
import { openStore } from '../src/index.ts'
import { digestOf } from '../src/record/tombstone.ts'
import { Load } from './valkey-load.ts'

const users = Array.from({ length: 100 }, (_, i) => `user-${i}`)
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** What can happen, and whether reads may find nobody who answers. */
const faults: readonly {
  readonly name: string
  readonly all?: boolean
  inflict(cluster: ValkeyCluster, random: () => number): Promise<void>
}[] = [
  {
    name: 'a master is killed, its replica takes over, and it comes back',
    async inflict(cluster, random) {
      const master = await randomMaster(cluster, random)
      const replica = await cluster.replicaOf(master)
      await master.kill()
      while ((await replica.info('replication', 'role')) !== 'master') await sleep(50)
      await sleep(2_000 * random())
      await master.restart()
    },
  },
  {
    name: 'a master hangs for longer than the node timeout',
    async inflict(cluster, random) {
      const master = await randomMaster(cluster, random)
      master.pause()
      await sleep(3_000 + 3_000 * random())
      master.resume()
    },
  },
  {
    name: 'a replica is gone for a while',
    async inflict(cluster, random) {
      const replica = await cluster.replicaOf(await randomMaster(cluster, random))
      await replica.kill()
      await sleep(1_000 + 2_000 * random())
      await replica.restart()
    },
  },
  {
    name: 'replicas take over from living masters',
    async inflict(cluster) {
      for (const master of await cluster.masters()) await cluster.failover(await cluster.replicaOf(master))
    },
  },
  {
    name: 'slots with users move',
    async inflict(cluster, random) {
      for (let i = 0; i < 10; i++) {
        const user = users[Math.floor(random() * users.length)]
        const slot = await cluster.slotOf(hashName('default', 'user', digestOf('default', user)))
        const from = await cluster.masterOfSlot(slot)
        const to = (await cluster.masters()).find((node) => node !== from)!
        const move = await cluster.moveSlot(slot, to)
        await sleep(100 * random())
        await move.finish()
      }
    },
  },
  {
    name: 'all servers are gone for 10 s',
    all: true,
    async inflict(cluster) {
      await Promise.all(cluster.nodes.map((node) => node.kill()))
      await sleep(10_000)
      await Promise.all(cluster.nodes.map((node) => node.restart()))
    },
  },
]

async function randomMaster(cluster: ValkeyCluster, random: () => number): Promise<ValkeyNode> {
  const masters = await cluster.masters()
  return masters[Math.floor(random() * masters.length)]
}

/** @throws Error that names the round's fault and what was lost */
async function round(cluster: ValkeyCluster, number: number, random: () => number): Promise<string> {
  const fault = faults[number % faults.length]
  const durability = fault.all ? 'disk' : 'replica'
  const seeds = cluster.nodes.map(({ address }) => address).join()
  const store = await openStore(`valkey://${seeds}?timeout=250&durability=${durability}`)
  try {
    const load = new Load(store, users)
    load.start()
    await load.writtenAnew()
    await sleep(500 * random())
    await fault.inflict(cluster, random)
    await cluster.settled()
    await load.writtenAnew()
    await load.end()
    const lost = await load.lost()
    const problems = [...load.readFaults, ...lost.map((user) => `${user} lost what was acknowledged`)]
    if (!fault.all && load.unavailable > 0) problems.push(`${load.unavailable} rows were unavailable`)
    if (problems.length > 0) throw new Error(`${fault.name}:\n${problems.slice(0, 10).join('\n')}`)
    return `${fault.name}: ${load.reads} reads of ${users.length} users, ${load.unavailable} rows unavailable, ${load.writeErrors.length} writes refused, nothing lost`
  } finally {
    await store.close()
  }
}

/** Numerical Recipes' linear congruential generator. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const text = (fallback: string) => ({ type: 'string', default: fallback }) as const
const { values } = parseArgs({ options: { rounds: text('6'), seed: text('1') } })
const random = randomFrom(Number(values.seed))
const cluster = await startValkeyCluster({ fsync: 'everysec' })
try {
  for (let number = 0; number < Number(values.rounds); number++) {
    const line = await round(cluster, number, random)
    process.stdout.write(`${number + 1}/${values.rounds} ${line}\n`)
  }
} finally {
  await cluster.close()
}
