import { startValkey, startValkeyCluster, until, type ValkeyCluster, type ValkeyNode } from '@headwater/testkit/valkey'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Load, readAll, usersOfOneSlot } from '../../../testing/valkey-load.ts'
import { openStore, readStatus, StoreAccessError, StoreUnavailableError, StoreWriteError } from '../../index.ts'
import { digestOf } from '../../record/tombstone.ts'
import { hashName } from './layout.ts'
import { openValkey } from './valkey-driver.ts'

const users = Array.from({ length: 40 }, (_, i) => `user-${i}`)
const hashOf = (user: string) => hashName('default', 'user', digestOf('default', user))

describe('a cluster that suffers', () => {
  let cluster: ValkeyCluster
  beforeAll(async () => {
    cluster = await startValkeyCluster()
  })
  afterAll(() => cluster.close())
  beforeEach(async () => {
    for (const node of await cluster.masters()) await node.command('FLUSHALL')
  })

  const open = (parameters: string) => openStore(`valkey://${cluster.nodes.map((n) => n.address).join()}?${parameters}`)

  it('serves from the replica while a master is silent, and writes again once it is back', async () => {
    const store = await open('timeout=1000')
    const load = new Load(store, users)
    await load.write()
    const master = await cluster.masterOfKey(hashOf('user-0'))
    const replica = await cluster.replicaOf(master)
    await until('the replica has all', async () => {
      return (await master.command('DBSIZE')) === (await replica.command('DBSIZE'))
    })
    master.pause()
    try {
      for (let i = 0; i < 5; i++) {
        expect([...(await readAll(store, users)).status]).toEqual(users.map(() => readStatus.found))
      }
    } finally {
      master.resume()
    }
    await load.write()
    expect(load.writeErrors).toEqual([])
    expect(await load.lost()).toEqual([])
    await store.close()
  })

  it('loses nothing that a replica has when a master is killed, and reads go on all the while', async () => {
    const store = await open('durability=replica&timeout=1000')
    const load = new Load(store, users)
    load.start()
    await load.writtenAnew()
    const master = await cluster.masterOfKey(hashOf('user-0'))
    const replica = await cluster.replicaOf(master)
    await master.kill()
    await until('the replica is master', async () => (await replica.info('replication', 'role')) === 'master')
    await master.restart()
    await cluster.settled()
    await load.writtenAnew()
    await load.end()
    expect(load.readFaults).toEqual([])
    expect(load.reads).toBeGreaterThan(100)
    // Where nodes are starved of the processor no replica may answer in time either: told, and not as missing.
    expect(load.unavailable).toBeLessThan((load.reads * users.length) / 3)
    expect(await load.lost()).toEqual([])
    await store.close()
  })

  it('follows a slot on its way, for reads and writes of all kinds', async () => {
    const store = await open('durability=replica&timeout=1000')
    const neighbours = usersOfOneSlot('wanderer', 12)
    const late = usersOfOneSlot('wanderer', 14).slice(12)
    const load = new Load(store, neighbours)
    await load.write()
    const [first] = neighbours
    await store.compareAndSetStates([[{ kind: 'user', key: first, expected: 0, state: Uint8Array.of(1) }]])

    const from = await cluster.masterOfKey(hashOf(first))
    const to = (await cluster.masters()).find((node) => node !== from)!
    const move = await cluster.moveSlot(await cluster.slotOf(hashOf(first)), to)
    let steps = 0
    while (await move.step(4)) {
      steps++
      await load.write()
      await load.read()
      const { states, versions } = await store.readStates('user', [first])
      const next = { kind: 'user', key: first, expected: versions[0], state: Uint8Array.of(states[0]![0] + 1) } as const
      expect([...(await store.compareAndSetStates([[next]]))]).toEqual([1])
    }
    // The slot is empty where it came from and not yet the other's: users who are new there too.
    const newcomers = new Load(store, late)
    await newcomers.write()
    expect(await newcomers.lost()).toEqual([])
    await move.finish()
    await load.write()
    await load.read()
    expect(steps).toBe(3)
    expect([load.writeErrors, load.readFaults, load.unavailable]).toEqual([[], [], 0])
    expect(await load.lost()).toEqual([])
    expect((await store.readStates('user', [first])).states[0]).toEqual(Uint8Array.of(1 + steps))
    expect((await store.forget(first)).removed.map(({ count }) => count)).toEqual([1, 1, 0])
    await store.close()
  })

  it('says of a write that its replica does not confirm that it may or may not last', async () => {
    const store = await open('durability=replica&timeout=50')
    const load = new Load(store, ['user-0'])
    await load.write()
    const replica = await cluster.replicaOf(await cluster.masterOfKey(hashOf('user-0')))
    replica.pause()
    try {
      await load.write()
      expect(load.writeErrors[0]).toBeInstanceOf(StoreWriteError)
      expect(load.writeErrors[0].message).toMatch(
        /1 are in a master's memory but short of durability=replica.*may or may not/,
      )
      await expect(store.flushed()).rejects.toThrow(StoreWriteError)
    } finally {
      replica.resume()
    }
    await store.flushed()
    await store.close()
  })

  it('leaves nothing of a forgotten user on any node', async () => {
    const store = await open('durability=replica')
    const secret = 'someone@example.org'
    await new Load(store, [secret, 'another']).write()
    await store.compareAndSetStates([[{ kind: 'user', key: secret, expected: 0, state: Buffer.from('state') }]])
    await store.appendEvents({
      users: [secret],
      eventIds: ['e1'],
      timesMs: Float64Array.of(1),
      payloads: [Buffer.from(`seen by ${secret}`)],
      writtenMs: 1,
    })
    expect(await places(cluster, secret)).not.toEqual([])
    expect((await store.forget(secret)).removed.map(({ count }) => count)).toEqual([1, 1, 1])
    expect(await places(cluster, secret)).toEqual([])
    expect(await places(cluster, 'another')).not.toEqual([])
    await store.close()
  })
})

describe('a server that suffers', () => {
  let node: ValkeyNode
  beforeAll(async () => {
    node = await startValkey({ fsync: 'always' })
  })
  afterAll(() => node.close())

  it('is told as unavailable for the 10 s that it is gone, and found again when it is back', async () => {
    const store = await openStore(`valkey://${node.address}?durability=disk&timeout=50`)
    const load = new Load(store, users)
    await load.write()
    expect(load.writeErrors).toEqual([])
    await node.kill()
    const goneMs = performance.now()
    while (performance.now() < goneMs + 10_000) {
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      const { status, featureTimeMs } = await readAll(store, users)
      expect([...status]).toEqual(users.map(() => readStatus.unavailable))
      expect(featureTimeMs.every((timeMs) => timeMs === 0)).toBe(true)
    }
    await expect(store.readStates('user', ['user-0'])).rejects.toThrow(StoreUnavailableError)
    const one = new Load(store, ['user-0'])
    await one.write()
    expect(one.writeErrors[0]).toBeInstanceOf(StoreUnavailableError)
    expect(one.writeErrors[0].message).toMatch(/try again/)
    await node.restart()
    await until('it is found again', async () => (await readAll(store, users)).status[0] === readStatus.found)
    expect(await load.lost()).toEqual([])
    await load.write()
    expect(load.writeErrors).toEqual([])
    await store.close()
  })

  it('says of a write whose connection ended that it may or may not have happened', async () => {
    const driver = await openValkey(`valkey://${node.address}?timeout=200`)
    const write = (key: string) =>
      driver.write('default', [[{ table: 'user', key, expected: 0, record: new Uint8Array(16) }]])
    expect([...(await write('first'))]).toEqual([1])
    // It is sent the next write, and killed before it carries it out.
    node.pause()
    const writing = write('second')
    await new Promise((resolve) => setTimeout(resolve, 100))
    const [error] = await Promise.all([writing.catch((reason: Error) => reason), node.restart()])
    expect(error).toBeInstanceOf(StoreWriteError)
    expect((error as Error).message).toMatch(/1 may or may not have happened/)
    await driver.close()
  })

  it('loads its script again where the server lost it', async () => {
    const store = await openStore(`valkey://${node.address}`)
    await new Load(store, users).write()
    await node.command('SCRIPT', 'FLUSH')
    const load = new Load(store, users)
    await load.write()
    await load.write()
    expect(load.writeErrors).toEqual([])
    await store.close()
  })

  it('takes no more than it has room for, and forgets all the same', async () => {
    const store = await openStore(`valkey://${node.address}`)
    await new Load(store, users).write()
    await node.command('CONFIG', 'SET', 'maxmemory', '1mb')
    try {
      const state = { kind: 'user', key: 'user-0', expected: 0, state: new Uint8Array(1_000) } as const
      const writing = store.compareAndSetStates([[state]])
      await expect(writing).rejects.toThrow(StoreAccessError)
      await expect(writing).rejects.toThrow(/OOM/)
      expect((await store.forget('user-0')).removed[0]).toMatchObject({ what: 'ring', count: 1 })
    } finally {
      await node.command('CONFIG', 'SET', 'maxmemory', '0')
    }
    expect((await readAll(store, users)).status[0]).toBe(readStatus.missing)
    expect([...(await store.forgottenAtMs(['user-0']))][0]).toBeGreaterThan(0)
    await store.close()
  })

  it('says what is missing where a durability cannot be had', async () => {
    const memoryOnly = await startValkey()
    for (const [durability, message] of [
      ['replica', /short of durability=replica.*may or may not outlast/],
      ['disk', /appendonly/],
    ] as const) {
      const store = await openStore(`valkey://${memoryOnly.address}?timeout=10&durability=${durability}`)
      const state = { kind: 'user', key: durability, expected: 0, state: Uint8Array.of(1) } as const
      const writing = store.compareAndSetStates([[state]])
      await expect(writing).rejects.toThrow(StoreWriteError)
      await expect(writing).rejects.toThrow(message)
      await store.close()
    }
    await memoryOnly.close()
  })
})

/** Where text stands in keys or values of any node. */
async function places(cluster: ValkeyCluster, text: string): Promise<string[]> {
  const found: string[] = []
  for (const node of cluster.nodes) {
    await node.command('READONLY').catch(() => null)
    for (const key of (await node.commandBytes('KEYS', '*')) as Buffer[]) {
      const type = await node.command('TYPE', key)
      const value = await node.commandBytes(
        ...((type === 'hash' ? ['HGETALL', key] : ['GET', key]) as [string, Buffer]),
      )
      for (const bytes of [key, value].flat() as Buffer[]) {
        if (bytes.includes(text)) found.push(`${node.address} ${key}`)
      }
    }
  }
  return found
}
