/** Lines of the event log and the outcome log: durable, whole after a crash, once in a file, and gone when a user is. */
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { type FileHandle, open as openFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FieldValue, LogEvent, Schema } from '@headwater/features'
import type { Outcome } from '@headwater/pooling'
import { LogWriteError } from '@headwater/pooling'
import { seededRandom } from '@headwater/statistics'
import { temporaryDirectory } from '@headwater/testkit'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type EventLogOptions, openEventLog } from './event-log.ts'
import { openOutcomeLog } from './outcome-log.ts'

const schema: Schema = {
  version: 1,
  name: 'clicks',
  user: 'who',
  item: 'what',
  time: { column: 'at', unit: 's' },
  fields: [
    { name: 'price', of: 'item', type: 'float' },
    { name: 'tags', column: 'labels', of: 'item', type: 'ids' },
    { name: 'place', of: 'item', type: 'vector', size: 2 },
    { name: 'click', of: 'outcome', type: 'float' },
  ],
  tasks: [{ name: 'click', field: 'click', atLeast: 1 }],
  aggregations: [],
}
const tenant = 'default'

const event = (user: string, id?: string, values: readonly FieldValue[] = [1, null, null, 0]): LogEvent => ({
  row: 0,
  user,
  item: 'i1',
  timeMs: 1_700_000_000_123,
  values,
  ...(id !== undefined && { id }),
})

const open = (directory: string, more: Partial<EventLogOptions> = {}) => {
  return openEventLog({ directory, tenant, schema, ...more })
}
const files = (directory: string) =>
  readdirSync(directory)
    .filter((name) => !name.startsWith('.'))
    .sort()
const part = (directory: string) => readdirSync(directory).find((name) => name.endsWith('.part'))
const linesOf = (path: string) =>
  readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
const linesIn = (directory: string) => files(directory).flatMap((name) => linesOf(join(directory, name)))

/** The directory as a crash of its writer leaves it. */
function crashed(directory: string): string {
  const after = temporaryDirectory()
  for (const name of readdirSync(directory))
    if (!name.startsWith('.writer')) copyFileSync(join(directory, name), join(after, name))
  return after
}

/** Names that outlive a loss of power, by directory: those that were there when it was synced last. */
async function namesOnDisk(directories: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
  const handle = await openFile(directories[0])
  const prototype = Object.getPrototypeOf(handle) as FileHandle
  await handle.close()
  const names = new Map<string, readonly string[]>()
  const { sync } = prototype
  const spy = vi.spyOn(prototype, 'sync').mockImplementation(async function (this: FileHandle) {
    const { ino } = await this.stat()
    const synced = directories.find((path) => statSync(path, { throwIfNoEntry: false })?.ino === ino)
    const found = synced === undefined ? [] : readdirSync(synced)
    await sync.call(this)
    if (synced !== undefined) names.set(synced, found)
  })
  onTestFinished(() => spy.mockRestore())
  return names
}

describe('the event log', () => {
  test("has the schema's columns, each of them in every line, on the disk once append resolves", async () => {
    const directory = temporaryDirectory()
    const log = await open(directory)
    await log.append([event('ann', 'e1', [2.5, ['a', 'b'], Float32Array.of(0.5, -1), 1]), event('bøb')])
    const expected = [
      {
        price: 2.5,
        labels: ['a', 'b'],
        place: [0.5, -1],
        click: 1,
        who: 'ann',
        what: 'i1',
        at: 1_700_000_000.123,
        headwater_event_id: 'e1',
      },
      { price: 1, labels: null, place: null, click: 0, who: 'bøb', what: 'i1', at: 1_700_000_000.123 },
    ]
    expect(linesOf(join(directory, part(directory)!))).toEqual(expected)
    expect(files(directory)).toEqual([])
    await log.close()
    expect(linesIn(directory)).toEqual(expected)
    await expect(log.append([event('ann')])).rejects.toThrow(LogWriteError)
  })

  test('has events of many callers once each and in each caller’s order, in files whose names sort by age', async () => {
    const directory = temporaryDirectory()
    const log = await open(directory, { maxRows: 37 })
    const random = seededRandom(5)
    const callers = Array.from({ length: 8 }, async (_, c) => {
      for (let i = 0; i < 20; i++) {
        const events = [event(`u${c}`, `${i}`), event(`u${c}`, `${i}`), event(`u${c}`, `also ${i}`)]
        await log.append(random.nextBelow(2) === 0 ? events : [...events, events[0]])
      }
    })
    await Promise.all(callers)
    await log.close()
    const lines = linesIn(directory)
    for (let c = 0; c < 8; c++) {
      const ids = lines.filter(({ who }) => who === `u${c}`).map(({ headwater_event_id: id }) => id)
      expect(ids).toEqual(Array.from({ length: 20 }, (_, i) => [`${i}`, `also ${i}`]).flat())
    }
    expect(files(directory).length).toBeGreaterThan(2)
    expect(log.counters).toMatchObject({ rows: 320, failed: 0, files: files(directory).length })
    expect(log.counters.repeated).toBeGreaterThanOrEqual(160)
  })

  test('has acknowledged events in a file whose name is on the disk, and those of the directories above it', async () => {
    const above = temporaryDirectory()
    const directory = join(above, 'logs', 'default')
    const directories = [above, join(above, 'logs'), directory]
    const onDisk = await namesOnDisk(directories)
    const log = await open(directory)
    for (const id of ['1', '2']) {
      await log.append([event('ann', id)])
      expect(onDisk.get(directory)).toContain(part(directory))
      const after = crashed(directory)
      directories.push(after)
      // The process before may have ended between making the file and syncing its directory.
      const again = await open(after)
      await again.append([event('ann', '3')])
      expect(onDisk.get(after)).toContain(part(after))
      await again.close()
      await log.rotate()
      expect(onDisk.get(directory)).toEqual(expect.arrayContaining(files(directory)))
    }
    await log.close()
    expect(onDisk.get(above)).toEqual(['logs'])
    expect(onDisk.get(join(above, 'logs'))).toEqual(['default'])
  })

  test('after a crash goes on with the file that was open: a torn line is cut off, known ids stay known', async () => {
    const directory = temporaryDirectory()
    const log = await open(directory)
    await log.append([event('ann', '1'), event('bob', '1')])
    const after = crashed(directory)
    await log.close()
    const torn = readFileSync(join(after, part(after)!))
    writeFileSync(join(after, part(after)!), Buffer.concat([torn, torn.subarray(0, 20)]))
    const again = await open(after)
    await again.append([event('ann', '1'), event('ann', '2')])
    expect(again.counters).toMatchObject({ rows: 1, repeated: 1 })
    await again.close()
    expect(files(after)).toEqual(['events-000000000000000-000000000000003.jsonl'])
    expect(linesIn(after).map(({ who, headwater_event_id: id }) => `${who} ${id}`)).toEqual(['ann 1', 'bob 1', 'ann 2'])

    const third = await open(after)
    await third.append([event('eve')])
    await third.close()
    expect(files(after)[1]).toBe('events-000000000000003-000000000000004.jsonl')
  })

  test('finishes by age, keeps files within its limits, and says so where it cannot write', async () => {
    const aged = temporaryDirectory()
    const log = await open(aged, { maxAgeMs: 10 })
    await log.append([event('ann')])
    while (files(aged).length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    await log.close()

    const short = temporaryDirectory()
    const bounded = await open(short, { maxRows: 1, maxBytes: 250 })
    for (let i = 0; i < 6; i++) await bounded.append([event(`u${i}`)])
    await bounded.close()
    expect(linesIn(short).map(({ who }) => who)).toEqual(['u4', 'u5'].slice(-linesIn(short).length))
    expect(linesIn(short).length).toBeLessThan(3)

    await expect(open(short, { keepFiles: 0 })).rejects.toThrow(/keepFiles is 0/)
    const gone = temporaryDirectory()
    const failing = await open(gone)
    rmSync(gone, { recursive: true })
    await expect(failing.append([event('ann'), event('bob')])).rejects.toThrow(LogWriteError)
    expect(failing.counters).toMatchObject({ rows: 0, failed: 2 })
    await failing.close()
  })

  test('forgets a user in finished files, the open one and what is on its way', async () => {
    const directory = temporaryDirectory()
    const log = await open(directory, { maxRows: 4 })
    for (let i = 0; i < 5; i++) await log.append([event('someone', `${i}`), event(`u${i}`, `of "someone" ${i}`)])
    const underWay = log.append([event('someone', 'last'), event('u5')])
    expect(await log.holder.forget('another', 'someone', 0)).toEqual([])
    expect(await log.holder.forget(tenant, 'someone', 0)).toEqual([{ what: 'event', count: 6 }])
    await underWay
    expect(await log.holder.forget(tenant, 'someone', 0)).toEqual([])
    await log.append([event('u6')])
    // One who comes back is somebody new, under whatever ids.
    await log.append([event('someone', 'last')])
    expect(await log.holder.forget(tenant, 'someone', 0)).toEqual([{ what: 'event', count: 1 }])
    const after = crashed(directory)
    await log.close()
    const left = Array.from({ length: 7 }, (_, i) => `u${i}`)
    expect(linesIn(directory).map(({ who }) => who)).toEqual(left)
    await (await open(after)).close()
    expect(linesIn(after).map(({ who }) => who)).toEqual(left)
  })

  test('forgets again what a crash between two files left', async () => {
    const directory = temporaryDirectory()
    const log = await open(directory, { maxRows: 2 })
    for (let i = 0; i < 3; i++) await log.append([event('someone'), event(`u${i}`)])
    const before = crashed(directory)
    await log.holder.forget(tenant, 'someone', 0)
    await log.close()
    // Of three files the first was written anew, and a second was being.
    const [first] = files(directory)
    rmSync(join(before, '.events.lengths'))
    copyFileSync(join(directory, first), join(before, first))
    writeFileSync(join(before, '.events.new'), '{"who":"someone"}')
    const again = await open(before)
    expect(await again.holder.forget(tenant, 'someone', 0)).toEqual([{ what: 'event', count: 2 }])
    await again.close()
    expect(linesIn(before)).toEqual(linesIn(directory))
    expect(readdirSync(before).sort()).toEqual(['.events.lengths', '.events.state', ...files(before)])
  })
})

test('the outcome log has a line an outcome, and forgets those that name the user', async () => {
  const directory = temporaryDirectory()
  const log = await openOutcomeLog({ directory, tenant })
  const outcome = (user: string | null): Outcome => {
    return { downstream: 'ctr', request: 'r1', user, prediction: 0.25, label: 1, timeMs: 5 }
  }
  await log.append([outcome('ann'), outcome(null), outcome('bob')])
  expect(await log.holder.forget(tenant, 'ann', 9)).toEqual([{ what: 'outcome', count: 1 }])
  await log.close()
  const line = { downstream: 'ctr', request: 'r1', prediction: 0.25, label: 1, time_ms: 5 }
  expect(linesIn(directory)).toEqual([
    { ...line, user: null },
    { ...line, user: 'bob' },
  ])
  expect(log.counters).toEqual({ rows: 3, repeated: 0, files: 1, failed: 0, lost: 0 })
})

describe('a directory that was removed or replaced', () => {
  const setUp = async () => {
    const path = join(temporaryDirectory(), 'log')
    const log = await open(path)
    onTestFinished(() => log.close().catch(() => {}))
    return { path, log }
  }

  test('takes no event; where it is back, the log goes on', async () => {
    const { path, log } = await setUp()
    await log.append([event('ann')])
    renameSync(path, `${path}.away`)
    for (const _ of ['once', 'again']) {
      await expect(log.append([event('away')])).rejects.toThrow(LogWriteError)
      await expect(log.checkWritable()).rejects.toThrow(LogWriteError)
    }
    mkdirSync(path)
    await expect(log.append([event('replaced')])).rejects.toThrow(/its file was removed, replaced, or its disk is away/)
    rmdirSync(path)
    renameSync(`${path}.away`, path)
    // What failed before is tried first, and leaves nothing behind.
    await log.checkWritable()
    await log.append([event('bob')])
    await log.rotate()
    expect(linesIn(path).map(({ who }) => who)).toEqual(['ann', 'bob'])
    expect(log.counters).toMatchObject({ rows: 2, failed: 3 })
  })

  test('before the first event, too', async () => {
    const { path, log } = await setUp()
    await log.checkWritable()
    rmSync(path, { recursive: true })
    mkdirSync(path)
    await expect(log.checkWritable()).rejects.toThrow(/the directory was removed, replaced/)
    await expect(log.append([event('ann')])).rejects.toThrow(LogWriteError)
    expect(readdirSync(path)).toEqual([])
  })
})
