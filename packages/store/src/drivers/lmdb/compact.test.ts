import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { floatToHalf } from '@headwater/binary16'
import { temporaryDirectory } from '@headwater/testkit'
import { describe, expect, it } from 'vitest'
import { appendValue } from '../../../testing/append-value.ts'
import { createReadBuffer, openStore, StoreBusyError } from '../../index.ts'
import { eventId } from '../../record/event-record.ts'
import { type CompactionProgress, compactLmdb } from './compact.ts'

const users = Array.from({ length: 4_000 }, (_, u) => `user-${(u * 7_919) % 4_000}`)

/** A store of 4,000 users with states, written in no order of keys. */
async function filledStore(): Promise<string> {
  const path = temporaryDirectory()
  const store = await openStore(`lmdb:${path}`)
  for (const snapshot of [1, 2, 3]) {
    await appendValue(store, users, snapshot)
    await store.flushed()
  }
  await store.compareAndSetStates(
    users.slice(0, 500).map((key) => [{ kind: 'user', key, expected: 0, state: Buffer.from(`state of ${key}`) }]),
  )
  await store.close()
  return path
}

const dataOf = (path: string) => readFileSync(join(path, 'data.mdb'))

describe('compactLmdb', () => {
  it('keeps every record, in a smaller file, and the writer may go on', async () => {
    const path = await filledStore()
    const before = dataOf(path).length
    const progress: CompactionProgress[] = []
    const report = await compactLmdb(path, { onProgress: (each) => progress.push(each) })
    expect(report).toEqual({ copied: 4_500, dropped: 0, bytesBefore: before, bytesAfter: dataOf(path).length })
    expect(report.bytesAfter).toBeLessThan(0.8 * before)
    expect(progress.at(-1)).toEqual({ copied: 4_500, dropped: 0, total: 4_500 })
    expect(existsSync(join(path, 'compact'))).toBe(false)

    const store = await openStore(`lmdb:${path}`)
    expect(await store.check()).toMatchObject({ records: 4_500, faults: [] })
    await appendValue(store, [users[0]], 4)
    const buffer = createReadBuffer(users.length, [{ model: 'm', dim: 8 }])
    await store.read({ users, models: [{ model: 'm' }] }, buffer)
    expect([...buffer.models[0].snapshot]).toEqual(users.map((_, u) => (u === 0 ? 4 : 3)))
    expect([...buffer.models[0].pooled.subarray(0, 9)]).toEqual([...Array(8).fill(3), 2])
    await store.close()
  })

  it('leaves no byte of a forgotten user in the file, neither key nor vector, state nor event', async () => {
    const path = await filledStore()
    const id = 'the-user-who-was-here@example.org'
    const event = 'an-event-that-nobody-else-has'
    let store = await openStore(`lmdb:${path}`)
    await appendValue(store, [id], 1_717)
    await store.compareAndSetStates([
      [{ kind: 'user', key: id, expected: 0, state: Buffer.from('a state that nobody else has') }],
    ])
    await store.appendEvents({
      users: [id],
      eventIds: [event],
      timesMs: Float64Array.of(5),
      payloads: [Buffer.from('a payload that nobody else has')],
      writtenMs: 5,
    })
    await store.flushed()
    const half = Buffer.alloc(16)
    for (let i = 0; i < 8; i++) half.writeUInt16LE(floatToHalf(1_717), 2 * i)
    const texts = [id, 'a state that nobody', 'a payload that nobody'].map((text) => Buffer.from(text))
    const traces = [...texts, half, Buffer.from(eventId(event))]
    const found = () => traces.map((trace) => dataOf(path).includes(trace))
    expect(found()).toEqual([true, true, true, true, true])
    await store.forget(id)
    await store.close()
    await compactLmdb(path)
    expect(found()).toEqual([false, false, false, false, false])

    // The tombstone went with it.
    store = await openStore(`lmdb:${path}`)
    expect([...(await appendValue(store, [id], 5)).outcomes]).toEqual([4])
    await store.close()
  })

  it('leaves out what it is told to', async () => {
    const path = await filledStore()
    const report = await compactLmdb(path, {
      drop: ({ table, tenant, key, model }, record) =>
        table === 'ring' && tenant === 'default' && model === 'm' && key.endsWith('7') && record.length > 0,
    })
    expect(report).toMatchObject({ copied: 4_100, dropped: 400 })
    const store = await openStore(`lmdb:${path}`)
    expect(await store.check()).toMatchObject({ records: 4_100, faults: [] })
    await store.close()
  })

  it('refuses while the store is written to, and leaves it as it was when it is stopped', async () => {
    const path = await filledStore()
    const store = await openStore(`lmdb:${path}`)
    await expect(compactLmdb(path)).rejects.toThrow(StoreBusyError)
    await store.close()

    const stop = new AbortController()
    const reason = new Error('enough')
    const stopped = compactLmdb(path, { signal: stop.signal, onProgress: () => stop.abort(reason) })
    await expect(stopped).rejects.toBe(reason)
    expect(existsSync(join(path, 'compact'))).toBe(false)
    const after = await openStore(`lmdb:${path}`)
    expect(await after.check()).toMatchObject({ records: 4_500, faults: [] })
    await after.close()
  })

  it('has the next writer remove what a killed one left', async () => {
    const path = await filledStore()
    mkdirSync(join(path, 'compact'))
    writeFileSync(join(path, 'compact', 'data.mdb'), 'half a copy')
    await (await openStore(`lmdb:${path}`)).close()
    expect(existsSync(join(path, 'compact'))).toBe(false)
  })
})
