import { join } from 'node:path'
import { temporaryDirectory } from '@headwater/testkit'
import { startValkey, startValkeyCluster } from '@headwater/testkit/valkey'
import { expect, it } from 'vitest'
import { isOfFormat2 } from '../../testing/format-2.ts'
import { contentsOf, populate, userKey } from '../../testing/population.ts'
import type { Driver } from '../drivers/driver.ts'
import { openDriver } from '../drivers/open-driver.ts'
import { hashName } from '../drivers/valkey/layout.ts'
import { checkStore } from '../operations/check.ts'
import { EmbeddingStore } from '../operations/embedding-store.ts'
import { digestOf } from '../record/tombstone.ts'
import { StoreFormatError } from '../validation/errors.ts'
import { copyRecords, copyStore } from './copy-store.ts'

const forget = (driver: Driver, i: number, atMs: number) =>
  new EmbeddingStore(driver, 'default').forget(userKey(i), { atMs })

/** What a store holds of a user: tables of records. */
async function tablesOf(driver: Driver, i: number): Promise<string[]> {
  const names = [userKey(i), digestOf('default', userKey(i))].map((name) => JSON.stringify(name))
  const held = [...(await contentsOf(driver)).keys()].filter((address) => address.includes('"default"'))
  return held.filter((address) => names.some((name) => address.includes(name))).map((each) => each.split(' ')[0])
}

const servers = {
  'one server': async () => {
    const node = await startValkey()
    return { url: `valkey://${node.address}`, close: () => node.close() }
  },
  'a cluster': async () => {
    const cluster = await startValkeyCluster()
    return { url: `valkey://${cluster.nodes[1].address}?durability=replica`, close: () => cluster.close() }
  },
}

it.each(Object.entries(servers))('a store goes to %s and back, both ways of forgetting included', async (_, start) => {
  const { url, close } = await start()
  try {
    const source = await openDriver('memory:')
    await populate(source, 200)
    await populate(source, 20, 'two')
    await forget(source, 3, 500_000)
    const contents = await contentsOf(source)
    const there = await openDriver(url)
    expect((await copyRecords(source, there, {})).verified).toMatchObject({ equal: contents.size, behind: 0 })
    expect(await copyRecords(source, there, {})).toMatchObject({ written: 0, tombstones: 0 })
    const path = join(temporaryDirectory(), 'store')
    await copyStore(url, `lmdb:${path}`)
    const back = await openDriver(`lmdb:${path}?readonly`)
    expect(await contentsOf(back)).toEqual(contents)
    expect((await checkStore(back)).faults).toEqual([])
    await back.close()
    await forget(source, 8, 500_000)
    await forget(there, 9, 500_000)
    const report = await copyRecords(source, there, {})
    expect(report).toMatchObject({ tombstones: 1, usersForgotten: 1, written: 0, verified: { behind: 0 } })
    for (const i of [3, 8, 9]) expect(await tablesOf(there, i)).toEqual(['tombstone'])
    await there.close()
  } finally {
    await close()
  }
})

it('a store of format 1 is refused, and a copy of it is up to date', async () => {
  const node = await startValkey()
  try {
    const url = `valkey://${node.address}`
    const name = hashName('default', 'item', digestOf('default', 'i'))
    await node.command('SET', 'hw:default:format', '1')
    // As format 1 was written: an item's state of version 5.
    await node.command('HSET', name, 'k', 'i', 's', Buffer.from('01030000bc586a3c05000000030000000102fa', 'hex'))
    const old = await openDriver(url)
    const refused = new EmbeddingStore(old, 'default').readStates('item', ['i'])
    await expect(refused).rejects.toThrow(StoreFormatError)
    await expect(refused).rejects.toThrow(/headwater store copy/)
    await old.close()
    const target = `lmdb:${join(temporaryDirectory(), 'store')}`
    expect(await copyStore(url, target)).toMatchObject({ written: 1, verified: { equal: 1 } })
    const driver = await openDriver(target)
    expect((await checkStore(driver)).faults).toEqual([])
    const { states, versions } = await new EmbeddingStore(driver, 'default').readStates('item', ['i'])
    expect([states[0], versions[0]]).toEqual([Uint8Array.of(1, 2, 250), 5])
    await driver.close()
  } finally {
    await node.close()
  }
})

it('a store of format 2 takes a copy as it is written there, and gives it up to date', async () => {
  const node = await startValkey()
  try {
    const url = `valkey://${node.address}`
    await node.command('SET', 'hw:default:format', '2')
    const source = await openDriver('memory:')
    await populate(source, 50)
    await forget(source, 3, 500_000)
    const contents = await contentsOf(source)
    const there = await openDriver(url)
    expect((await copyRecords(source, there, {})).verified).toMatchObject({ equal: contents.size, behind: 0 })
    for await (const { record } of there.records()) expect(isOfFormat2(record)).toBe(true)
    expect(await copyRecords(source, there, {})).toMatchObject({ written: 0, tombstones: 0 })
    await there.close()
    const path = join(temporaryDirectory(), 'store')
    await copyStore(url, `lmdb:${path}`)
    const back = await openDriver(`lmdb:${path}?readonly`)
    expect(await contentsOf(back)).toEqual(contents)
    await back.close()
  } finally {
    await node.close()
  }
})
