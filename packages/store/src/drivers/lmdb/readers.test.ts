import { temporaryDirectory } from '@headwater/testkit'
import { describe, expect, it } from 'vitest'
import { appendValue } from '../../../testing/append-value.ts'
import { Child } from '../../../testing/child.ts'
import { createReadBuffer, openStore, StoreAccessError, StoreReadOnlyError, StoreUrlError } from '../../index.ts'
import { compactLmdb } from './compact.ts'

async function snapshotsOf(url: string, users: readonly string[]): Promise<number[]> {
  const store = await openStore(url)
  const buffer = createReadBuffer(users.length, [{ model: 'm', dim: 8 }])
  await store.read({ users, models: [{ model: 'm' }] }, buffer)
  await store.close()
  return [...buffer.models[0].snapshot]
}

describe('lmdb:PATH?readonly', () => {
  it('sees in another process each commit as it comes, writes nothing, and follows a compaction', async () => {
    const path = temporaryDirectory()
    let store = await openStore(`lmdb:${path}`)
    await appendValue(store, ['a', 'b'], 1)
    await store.flushed()
    const reader = new Child('store-process.ts', [`lmdb:${path}?readonly`])
    expect(await reader.line()).toBe('open')
    for (let snapshot = 1; snapshot <= 30; snapshot++) {
      await appendValue(store, ['a'], snapshot)
      await store.flushed()
      expect(await reader.ask('snapshot a')).toBe(String(snapshot))
    }
    expect(await reader.ask('snapshot none')).toBe('0')
    expect(await reader.ask('write')).toBe(Array(4).fill('StoreReadOnlyError').join(' '))

    // A writer beside it is refused, with whatever number the process has.
    const second = new Child('store-process.ts', [`lmdb:${path}`])
    expect(await second.line()).toBe('StoreBusyError')
    expect(await second.ended).toBe(0)

    await store.close()
    await compactLmdb(path)
    store = await openStore(`lmdb:${path}`)
    await appendValue(store, ['a'], 31)
    await store.flushed()
    let seen = ''
    for (let tries = 0; seen !== '31' && tries < 600; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      seen = await reader.ask('snapshot a')
    }
    expect(seen).toBe('31')
    reader.process.stdin.write('close\n')
    expect(await reader.ended).toBe(0)
    await store.close()
    expect(await snapshotsOf(`lmdb:${path}`, ['a', 'b'])).toEqual([31, 1])
  })

  it('reads beside the writer of the same process, and checks all records', async () => {
    const path = temporaryDirectory()
    const store = await openStore(`lmdb:${path}`)
    await appendValue(store, ['a'], 3)
    await store.flushed()
    const reader = await openStore(`lmdb:${path}?readonly`)
    expect(await reader.check()).toMatchObject({ records: 1, faults: [] })
    await expect(reader.forget('a')).rejects.toThrow(StoreReadOnlyError)
    await reader.close()
    await appendValue(store, ['a'], 4)
    await store.close()
    expect(await snapshotsOf(`lmdb:${path}?readonly`, ['a', 'z'])).toEqual([4, 0])
  })

  it('refuses a place without a store, and other words behind the path', async () => {
    const path = temporaryDirectory()
    await expect(openStore(`lmdb:${path}?readonly`)).rejects.toThrow(StoreAccessError)
    await expect(openStore(`lmdb:${path}?readwrite`)).rejects.toThrow(StoreUrlError)
    await expect(openStore('lmdb:?readonly')).rejects.toThrow(StoreUrlError)
    await expect(openStore(`lmdb:${path}/none?readonly`)).rejects.toThrow(StoreAccessError)
    await expect(openStore(`lmdb:${path}/none?readonly`)).rejects.toThrow(/open it for writing first/)
  })
})
