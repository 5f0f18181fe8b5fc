/** What is logged, read by another implementation of Parquet; and what survives rotation, overload and forgetting. */
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { open as openFile } from 'node:fs/promises'
import { join } from 'node:path'
import { halfToFloat } from '@headwater/binary16'
import { seededRandom } from '@headwater/statistics'
import { temporaryDirectory } from '@headwater/testkit'
import { fuzz } from '@headwater/testkit/fuzz'
import { parquetWriteFile } from 'hyparquet-writer'
import { describe, expect, test } from 'vitest'
import { expectedRows, servedBatch } from '../../testing/served-batches.ts'
import { filesOf, leftBy, rowsIn } from '../../testing/served-files.ts'
import { LogDirectoryError, LogFormatError } from '../directory/errors.ts'
import { ParquetFile } from '../parquet/parquet-file.ts'
import { encodeRowGroup } from '../parquet/row-group.ts'
import { readServedLog } from './read-served-log.ts'
import { mostArchives } from './served-items.ts'
import { openServedLog, type ServedLogOptions } from './served-log.ts'
import { vectorOffsets } from './served-rows.ts'
import { knownTables } from './served-table.ts'

const random = seededRandom(7)
const tenant = 'default'

function open(directory: string, more: Partial<ServedLogOptions> = {}) {
  return openServedLog({ directory, tenant, ...more })
}

const usersOf = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `user-${from + i}`)

describe('a served log', () => {
  test('is Parquet that another reader finds every column of every row in', async () => {
    await fuzz(
      (draw) => ({
        batches: 1 + draw.nextBelow(20),
        dims: { sum: 1 + draw.nextBelow(70), random: 1 + draw.nextBelow(9) },
        maxRows: 1 + draw.nextBelow(300),
        vectorType: (['float16', 'float32'] as const)[draw.nextBelow(2)],
      }),
      async ({ batches, dims, maxRows, vectorType }, draw) => {
        const directory = temporaryDirectory()
        const log = await open(directory, { latest: ['random'], maxRows, vectorType })
        const expected = []
        for (let i = 0; i < batches; i++) {
          const users = Array.from({ length: 1 + draw.nextBelow(40) }, () => `ü${draw.nextBelow(9)}`)
          const batch = servedBatch(draw, users, 1e12 + i + 0.5, dims)
          const request = draw.nextBelow(3) === 0 ? undefined : `request ${i}`
          log.record(batch, request)
          expected.push(...expectedRows(batch, request ?? null, tenant, ['random']))
          if (draw.nextBelow(4) === 0) await log.flush()
        }
        await log.close()
        expect(await rowsIn(directory)).toEqual(expected)
        expect(log.counters).toEqual({ rows: expected.length, dropped: 0, lost: 0, files: filesOf(directory).length })
        expect(log.pendingRows).toBe(0)
      },
      { runs: 12 },
    )
  })

  test('goes on beside files of before there were timestamps, and forgets in them', async () => {
    const directory = temporaryDirectory()
    const [first, second, third] = [0, 6, 12].map((from) =>
      servedBatch(random, usersOf(6, from), from + 0.25, { sum: 3 }),
    )
    const old = await openServedLog({ directory, tenant })
    old.record(first)
    await old.close()
    const [name] = filesOf(directory)
    const [, , before] = knownTables
    for await (const rows of readServedLog(directory)) {
      const finished = await ParquetFile.begin(await openFile(join(directory, name), 'w'), before)
      await finished.append(await encodeRowGroup(before.columns, rows))
      await finished.end()
      await finished.file.close()
      // As a killed process leaves it: the same rows, without a footer.
      const part = await ParquetFile.begin(await openFile(join(directory, '.served-000000000000006.part'), 'w'), before)
      await part.append(await encodeRowGroup(before.columns, { ...rows, user: second.users }))
      await part.file.close()
    }
    const log = await open(directory, { vectorType: 'float32' })
    log.record(third)
    await log.flush()
    for (const user of ['user-1', 'user-7', 'user-13']) await log.holder.forget(tenant, user, 0)
    await log.close()
    const expected = [first, { ...first, users: second.users }, third].flatMap((batch) =>
      expectedRows(batch, null, tenant, []).filter(({ user }) => !['user-1', 'user-7', 'user-13'].includes(user)),
    )
    expect(await rowsIn(directory)).toEqual(expected)
    const times = []
    for await (const { servedMs } of readServedLog(directory)) times.push(...servedMs)
    expect(times).toEqual(expected.map(({ served_ms }) => served_ms))
  })

  test('keeps the item vectors of each snapshot that rows name, once, and tells of those it cannot have', async () => {
    const directory = temporaryDirectory()
    const [asked, errors]: [string[], unknown[]] = [[], []]
    const items = async (model: string, snapshot: number) => {
      asked.push(`${model} ${snapshot}`)
      if (snapshot === 3) throw new Error('gone')
      return model === 'plain' ? null : Uint8Array.of(snapshot)
    }
    const of = (snapshots: readonly number[]) => {
      const batch = servedBatch(random, usersOf(snapshots.length), 5, { 'a/b': 2, plain: 2 })
      return { ...batch, models: batch.models.map((own) => ({ ...own, snapshot: Uint32Array.from(snapshots) })) }
    }
    const log = await open(directory, { items, onError: (error) => errors.push(error) })
    log.record(of([1, 2, 1, 0, 3]))
    await log.flush()
    log.record(of([2, 3]))
    await log.close()
    expect(asked.filter((each) => each.startsWith('a/b'))).toEqual(['a/b 1', 'a/b 2', 'a/b 3'])
    expect(asked).toHaveLength(6)
    expect(errors).toEqual([new Error('gone'), new Error('gone')])
    const kept = () =>
      readdirSync(directory)
        .filter((name) => name.endsWith('.npz'))
        .sort()
    expect(kept()).toEqual(['items-a%2Fb-0000000001.npz', 'items-a%2Fb-0000000002.npz'])
    expect([...readFileSync(join(directory, kept()[1]))]).toEqual([2])
    expect(await rowsIn(directory)).toHaveLength(14)
    // What is there is not asked for again; of many the newest stay.
    asked.length = 0
    const later = await open(directory, { items })
    later.record(of([2, ...Array.from({ length: 40 }, (_, i) => 10 + i)]))
    await later.close()
    expect(asked).not.toContain('a/b 2')
    expect(kept()).toHaveLength(mostArchives)
    expect(kept().at(-1)).toBe('items-a%2Fb-0000000049.npz')
  })

  test('longer than a row group, and a batch longer than one, come back whole by our own reader', async () => {
    const directory = temporaryDirectory()
    const log = await open(directory, { latest: ['sum'] })
    const batch = servedBatch(random, usersOf(9001), 5, { sum: 3, other: 1 })
    log.record(batch, 'one')
    await log.close()
    const expected = expectedRows(batch, 'one', tenant, ['sum'])
    let [row, groups] = [0, 0]
    for await (const rows of readServedLog(directory)) {
      groups++
      const [vectors, latests] = [vectorOffsets(rows.vector.dims), vectorOffsets(rows.latest.dims)]
      for (let i = 0; i < rows.rows; i++, row++) {
        const { user, model, vector, latest } = expected[row]
        expect([rows.user[i], rows.model[i]]).toEqual([user, model])
        const floats = (halves: Uint16Array) => Array.from(halves, halfToFloat)
        expect(floats(rows.vector.halves.subarray(vectors[i], vectors[i + 1]))).toEqual(vector)
        expect(floats(rows.latest.halves.subarray(latests[i], latests[i + 1]))).toEqual(latest ?? [])
      }
    }
    expect(row).toBe(expected.length)
    expect(groups).toBeGreaterThan(2)
  })

  test('finishes files by rows and by age, and keeps those within its limits', async () => {
    const directory = temporaryDirectory()
    const log = await open(directory, { maxRows: 10, keepFiles: 2 })
    for (let i = 0; i < 5; i++) {
      log.record(servedBatch(random, usersOf(10), i, { sum: 2 }))
      await log.flush()
    }
    expect(log.counters.files).toBe(5)
    expect(filesOf(directory)).toEqual([
      'served-000000000000030-000000000000040.parquet',
      'served-000000000000040-000000000000050.parquet',
    ])
    await log.close()

    const aged = await open(temporaryDirectory(), { maxAgeMs: 20, flushMs: 1 })
    aged.record(servedBatch(random, ['ann'], 1, { sum: 2 }))
    while (aged.counters.files === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(aged.pendingRows).toBe(0)
    await aged.close()
  })

  test('drops and counts what does not fit its memory, and keeps what came before', async () => {
    const directory = temporaryDirectory()
    const log = await open(directory, { maxPendingRows: 4096 })
    log.record(servedBatch(random, usersOf(3000), 1, { sum: 1 }))
    log.record(servedBatch(random, usersOf(3000, 3000), 2, { sum: 1 }))
    expect(log.counters.dropped).toBe(6000 - 4096)
    await log.flush()
    log.record(servedBatch(random, ['later'], 3, { sum: 1 }))
    await log.close()
    const rows = await rowsIn(directory)
    expect(rows.map(({ user }) => user)).toEqual([...usersOf(4096), 'later'])
    expect(log.counters).toMatchObject({ rows: 4097, dropped: 1904 })
  })

  test('keeps rows that its disk does not take, tells of that, and writes them once it does, though no more come', async () => {
    const directory = temporaryDirectory()
    const errors: unknown[] = []
    const log = await open(directory, { flushMs: 5, onError: (error) => errors.push(error) })
    const until = async (seen: () => boolean) => {
      while (!seen()) await new Promise((resolve) => setTimeout(resolve, 1))
    }
    renameSync(directory, `${directory}-away`)
    const batch = servedBatch(random, usersOf(9), 5, { sum: 3 })
    log.record(batch, 'one')
    await until(() => errors.length >= 3)
    expect(errors[0]).toMatchObject({ code: 'ENOENT' })
    expect(log.pendingRows).toBe(9)
    await expect(log.flush()).rejects.toThrow('ENOENT')
    renameSync(`${directory}-away`, directory)
    await until(() => log.pendingRows === 0)
    await log.close()
    expect(await rowsIn(directory)).toEqual(expectedRows(batch, 'one', tenant, []))
    expect(log.counters).toMatchObject({ rows: 9, dropped: 0, lost: 0 })
  })

  test('forgets a user in finished files, the open one and what waits, and goes on', async () => {
    const directory = temporaryDirectory()
    const log = await open(directory, { maxRows: 40, latest: ['sum'] })
    const kept = []
    for (let i = 0; i < 9; i++) {
      const users = i % 3 === 2 ? usersOf(8) : [...usersOf(4), 'someone', ...usersOf(3, 4), 'someone-else']
      const batch = servedBatch(random, users, i, { sum: 5, other: 2 })
      log.record(batch)
      kept.push(...expectedRows(batch, null, tenant, ['sum']).filter(({ user }) => user !== 'someone'))
      if (i < 8) await log.flush()
    }
    expect(await log.holder.forget('another tenant', 'someone', 100)).toEqual([])
    const before = filesOf(directory).length
    // A file is finished while the user is being forgotten.
    const [removed] = await Promise.all([log.holder.forget(tenant, 'someone', 100), log.rotate()])
    expect(removed).toEqual([{ what: 'served row', count: 2 * 6 }])
    expect(filesOf(directory).length).toBeGreaterThan(before)
    expect(await log.holder.forget(tenant, 'someone', 100)).toEqual([])
    const more = servedBatch(random, ['someone'], 50, { sum: 5, other: 2 })
    log.record(more)
    await log.close()
    expect(await rowsIn(directory)).toEqual([...kept, ...expectedRows(more, null, tenant, ['sum'])])
  })

  test('forgets in a file that is being written, which a crash then leaves behind', async () => {
    const directory = temporaryDirectory()
    const log = await open(directory)
    log.record(servedBatch(random, ['ann', 'bob', 'eve'], 1, { sum: 2 }))
    expect(await log.holder.forget(tenant, 'bob', 5)).toEqual([{ what: 'served row', count: 1 }])
    log.record(servedBatch(random, ['dan'], 2, { sum: 2 }))
    await log.flush()
    const after = leftBy(directory)
    await log.rotate()
    log.record(servedBatch(random, ['eve'], 3, { sum: 2 }))
    await log.flush()
    // For their owner and its group alone.
    const modes = readdirSync(directory)
      .filter((name) => !name.startsWith('.writer'))
      .map((name) => `${name} ${(statSync(join(directory, name)).mode & 0o777).toString(8)}`)
    expect(modes).toHaveLength(3)
    for (const mode of modes) expect(mode).toMatch(/ 640$/)
    await log.close()
    const again = await open(after)
    expect(again.counters.lost).toBe(0)
    await again.close()
    expect((await rowsIn(after)).map(({ user }) => user)).toEqual(['ann', 'eve', 'dan'])
  })

  test('has one writer, and refuses limits that are none', async () => {
    const directory = temporaryDirectory()
    const log = await open(directory)
    await expect(open(directory)).rejects.toThrow(LogDirectoryError)
    await log.close()
    await (await open(directory)).close()
    await expect(open(directory, { maxRows: 0 })).rejects.toThrow(/maxRows is 0/)
    await expect(open(join(directory, '.served.state'))).rejects.toThrow(LogDirectoryError)
  })

  test('whose file is cut short, or is not its own, is refused', async () => {
    const [name, other] = ['served-000000000000000-000000000000001.parquet', 'other']
    const directory = temporaryDirectory()
    const read = async () => {
      for await (const _ of readServedLog(directory));
    }
    parquetWriteFile({ filename: join(directory, other), columnData: [{ name: 'user', data: ['ann'] }] })
    const foreign = readFileSync(join(directory, other))
    const log = await open(join(directory, 'own'))
    log.record(servedBatch(random, usersOf(3), 1, { sum: 2 }))
    await log.close()
    const own = readFileSync(join(directory, 'own', filesOf(join(directory, 'own'))[0]))
    for (const bytes of [foreign, own.subarray(0, -5), own.subarray(0, 3), Buffer.alloc(0)]) {
      writeFileSync(join(directory, name), bytes)
      await expect(read()).rejects.toThrow(LogFormatError)
    }
    writeFileSync(join(directory, name), own)
    await read()
  })
})
