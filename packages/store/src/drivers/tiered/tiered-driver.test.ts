import { temporaryDirectory } from '@headwater/testkit'
import { fuzz } from '@headwater/testkit/fuzz'
import { beforeEach, describe, expect, it } from 'vitest'
import { describeConformance } from '../../../testing/conformance.ts'
import { openStore } from '../../index.ts'
import { allocateRecord, recordVersion, sealRecord } from '../../record/record.ts'
import { digestOf, encodeTombstone } from '../../record/tombstone.ts'
import type { Driver, RecordWrite } from '../driver.ts'
import { openLmdb } from '../lmdb/open-lmdb.ts'
import { memoryDriver } from '../memory/memory-driver.ts'
import { type TieredDriver, tieredDriver } from './tiered-driver.ts'

const capacityBytes = 2 ** 20

describeConformance('tiered: over memory:', () => tieredDriver(memoryDriver(), { capacityBytes }))
describeConformance('tiered: over memory: that others write to', () =>
  tieredDriver(memoryDriver(), { capacityBytes, maxAgeMs: 1_000 }),
)
describeConformance('tiered: over lmdb:', async () =>
  tieredDriver(await openLmdb(temporaryDirectory()), { capacityBytes }),
)

/** A ring's record as far as drivers look at it. */
function recordOf(version: number, sizeBytes = 100): Uint8Array {
  const record = allocateRecord(sizeBytes)
  sealRecord(record, 'ring', version, 0)
  return record
}

const ringWrite = (key: string, expected: number, version: number, sizeBytes?: number): RecordWrite => ({
  table: 'ring',
  key,
  model: 'm',
  expected,
  record: recordOf(version, sizeBytes),
})

/** A base whose calls wait to be let through, before and after the base itself does them. */
function heldBase() {
  const memory = memoryDriver()
  const waiting: (() => void)[] = []
  const turn = async () => {
    if (base.holding) await new Promise<void>((resolve) => void waiting.push(resolve))
  }
  const base = {
    ...memory,
    memory,
    waiting,
    holding: false,
    ringReads: 0,
    failing: false,
    /** Gives null for every record, as a base does whose servers do not answer. */
    silent: false,

    async readRings(...[tenant, users, models, visit]: Parameters<Driver['readRings']>): Promise<void> {
      base.ringReads++
      await turn()
      if (base.failing) throw new Error('the base is gone')
      const answer: Parameters<typeof visit>[] = []
      await memory.readRings(tenant, users, models, (u, m, record) => void answer.push([u, m, record?.slice()]))
      await turn()
      for (const [u, m, record] of answer) visit(u, m, base.silent ? null : record)
    },

    async write(...call: Parameters<Driver['write']>): Promise<Uint8Array> {
      await turn()
      const outcomes = await memory.write(...call)
      await turn()
      if (base.failing) throw new Error('the answer was lost')
      return outcomes
    },

    async forget(...call: Parameters<Driver['forget']>) {
      await turn()
      const removed = await memory.forget(...call)
      await turn()
      return removed
    },
  }
  return base
}

/** Lets promises go on as far as they can. */
const settled = () => new Promise((resolve) => void setImmediate(resolve))

describe('the tier', () => {
  let base: ReturnType<typeof heldBase>
  let tier: TieredDriver
  let nowMs: number
  const make = (maxAgeMs?: number) => {
    nowMs = 0
    base = heldBase()
    const clock = () => nowMs
    tier = tieredDriver(base, maxAgeMs === undefined ? { capacityBytes, clock } : { capacityBytes, maxAgeMs, clock })
  }
  beforeEach(() => make())

  const versionsOf = async (from: Driver, users: readonly string[], mayMiss = true): Promise<number[]> => {
    const versions: number[] = users.map(() => -1)
    await from.readRings(
      't',
      users,
      ['m'],
      (u, _, record) => {
        versions[u] = record === null ? -2 : recordVersion(record)
      },
      mayMiss,
    )
    return versions
  }
  const release = async () => {
    const next = base.waiting.splice(0)
    for (const go of next) go()
    await settled()
  }

  it('reads the base once for what it then holds, also for what there is not', async () => {
    await base.write('t', [[ringWrite('a', 0, 5)]])
    expect(await versionsOf(tier, ['a', 'b', 'a', 'b'])).toEqual([5, 0, 5, 0])
    expect(await versionsOf(tier, ['b', 'a'])).toEqual([0, 5])
    expect(base.ringReads).toBe(1)
    expect([tier.hits, tier.misses]).toEqual([2, 4])
  })

  it('joins concurrent reads of the same record', async () => {
    await base.write('t', [[ringWrite('a', 0, 5)]])
    base.holding = true
    const reads = [versionsOf(tier, ['a']), versionsOf(tier, ['a', 'b']), versionsOf(tier, ['b', 'a'])]
    await settled()
    base.holding = false
    await release()
    await release()
    expect(await Promise.all(reads)).toEqual([[5], [5, 0], [0, 5]])
    expect(base.ringReads).toBe(2)
  })

  it('lets each that waits know that a read failed, and reads again afterwards', async () => {
    base.holding = true
    base.failing = true
    const reads = [versionsOf(tier, ['a']), versionsOf(tier, ['a'])]
    const failures = Promise.allSettled(reads)
    base.holding = false
    await release()
    expect((await failures).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    base.failing = false
    expect(await versionsOf(tier, ['a'])).toEqual([0])
  })

  it('holds what was written once the base has acknowledged, and not before', async () => {
    expect(await versionsOf(tier, ['a'])).toEqual([0])
    base.holding = true
    const write = tier.write('t', [[ringWrite('a', 0, 7)]])
    await settled()
    expect(await versionsOf(tier, ['a'])).toEqual([0])
    base.holding = false
    await release()
    expect([...(await write)]).toEqual([1])
    const reads = base.ringReads
    expect(await versionsOf(tier, ['a'])).toEqual([7])
    expect(base.ringReads).toBe(reads)
  })

  it('does not keep what a read brings that a write overtook, nor lets later reads join it', async () => {
    await base.write('t', [[ringWrite('a', 0, 1)]])
    base.holding = true
    const early = versionsOf(tier, ['a'])
    await release()
    // The base has answered with version 1, which is on its way.
    base.holding = false
    await tier.write('t', [[ringWrite('a', 1, 2)]])
    expect(await versionsOf(tier, ['a'])).toEqual([2])
    await release()
    expect(await early).toEqual([1])
    expect(await versionsOf(tier, ['a'])).toEqual([2])
  })

  it('does not bring a forgotten user back by a read that began before', async () => {
    await base.write('t', [[ringWrite('a', 0, 1)]])
    base.holding = true
    const early = versionsOf(tier, ['a'])
    await release()
    base.holding = false
    await tier.forget('t', 'a', digestOf('t', 'a'), encodeTombstone('t', digestOf('t', 'a'), 1))
    await release()
    expect(await early).toEqual([1])
    expect(await versionsOf(tier, ['a'])).toEqual([0])
  })

  it('does not bring a forgotten user back by a write whose acknowledgement was slow', async () => {
    expect(await versionsOf(tier, ['a'])).toEqual([0])
    base.holding = true
    const write = tier.write('t', [[ringWrite('a', 0, 1)]])
    await release()
    base.holding = false
    await tier.forget('t', 'a', digestOf('t', 'a'), encodeTombstone('t', digestOf('t', 'a'), 1))
    await release()
    await write
    expect(await versionsOf(tier, ['a'])).toEqual([0])
  })

  it('does not keep the older of two writes whose acknowledgements changed places', async () => {
    await versionsOf(tier, ['a'])
    base.holding = true
    const first = tier.write('t', [[ringWrite('a', 0, 1)]])
    await release()
    base.holding = false
    await tier.write('t', [[ringWrite('a', 1, 2)]])
    await release()
    await first
    expect(await versionsOf(tier, ['a'])).toEqual([2])
  })

  it('lets go of what a refused write shows to be old, and of what a lost answer leaves open', async () => {
    await tier.write('t', [[ringWrite('a', 0, 1)]])
    expect(await versionsOf(tier, ['a'])).toEqual([1])
    await base.write('t', [[ringWrite('a', 1, 2)]])
    expect(await versionsOf(tier, ['a'])).toEqual([1])
    expect([...(await tier.write('t', [[ringWrite('a', 1, 3)]]))]).toEqual([0])
    expect(await versionsOf(tier, ['a'])).toEqual([2])
    base.failing = true
    await expect(tier.write('t', [[ringWrite('a', 2, 4)]])).rejects.toThrow('lost')
    base.failing = false
    expect(await versionsOf(tier, ['a'])).toEqual([4])
  })

  it('reads again what is older than its maximum age, and what is missing after five seconds', async () => {
    make(2_000)
    await base.write('t', [[ringWrite('a', 0, 1)]])
    expect(await versionsOf(tier, ['a'])).toEqual([1])
    await base.write('t', [[ringWrite('a', 1, 2)]])
    nowMs = 1_900
    expect(await versionsOf(tier, ['a'])).toEqual([1])
    // What must be the newest never comes from the tier where others write too.
    expect(await versionsOf(tier, ['a'], false)).toEqual([2])
    nowMs = 2_101
    expect(await versionsOf(tier, ['a'])).toEqual([2])

    make()
    expect(await versionsOf(tier, ['b'])).toEqual([0])
    await base.write('t', [[ringWrite('b', 0, 3)]])
    nowMs = 4_900
    expect(await versionsOf(tier, ['b'])).toEqual([0])
    nowMs = 5_101
    expect(await versionsOf(tier, ['b'])).toEqual([3])
    nowMs = 1e9
    expect(await versionsOf(tier, ['b'], false)).toEqual([3])
    expect(base.ringReads).toBe(2)
  })

  it('does not take a base that gave no answer for one that has no record', async () => {
    make(1_000)
    await base.write('t', [[ringWrite('a', 0, 1)]])
    base.silent = true
    expect(await versionsOf(tier, ['a', 'a'])).toEqual([-2, -2])
    base.silent = false
    expect(await versionsOf(tier, ['a'])).toEqual([1])
  })

  it('is opened by its URL, and closes its base', async () => {
    const path = temporaryDirectory()
    const store = await openStore(`tiered:1MiB:lmdb:${path}`)
    await store.compareAndSetStates([[{ kind: 'user', key: 'u', expected: 0, state: Uint8Array.of(1, 2) }]])
    expect((await store.readStates('user', ['u'])).states).toEqual([Uint8Array.of(1, 2)])
    await store.close()
    const alone = await openStore(`lmdb:${path}`)
    expect((await alone.readStates('user', ['u'])).states).toEqual([Uint8Array.of(1, 2)])
    await alone.close()
  })

  it('passes over records that are too large for it', async () => {
    await tier.write('t', [[ringWrite('a', 0, 1, 20)]])
    expect(await versionsOf(tier, ['a'])).toEqual([1])
    await tier.write('t', [[ringWrite('a', 1, 2, 500_000)]])
    expect(await versionsOf(tier, ['a'])).toEqual([2])
    expect(await versionsOf(tier, ['a'])).toEqual([2])
    expect(base.ringReads).toBe(3)
  })

  it('reads like one register a user, in any interleaving', async () => {
    let hits = 0
    await fuzz(
      (random) => ({
        users: 1 + random.nextBelow(4),
        steps: 400,
        sizeBytes: [50, 20_000][random.nextBelow(2)],
        releases: 3 + random.nextBelow(10),
      }),
      async ({ users, steps, sizeBytes, releases }, random) => {
        const held = heldBase()
        held.holding = true
        const small = tieredDriver(held, { capacityBytes })
        let step = 0
        /** By user, what the base came to hold, and when writers were told that it holds something later. */
        const history = Array.from({ length: users }, () => [{ version: 0, fromStep: 0, toStep: Infinity }])
        const note = () => {
          for (let u = 0; u < users; u++) {
            let version = 0
            void held.memory.readRings('t', [`u${u}`], ['m'], (_, __, record) => {
              version = recordVersion(record ?? undefined)
            })
            if (history[u].at(-1)!.version !== version) history[u].push({ version, fromStep: step, toStep: Infinity })
          }
        }
        const supersede = (u: number, before: number) => {
          for (const entry of history[u].slice(0, before)) entry.toStep = Math.min(entry.toStep, step)
        }
        const known = new Array<number>(users).fill(0)
        /** By user, the place in history that a completed read has seen: later reads must not see what was before. */
        const seen = new Array<number>(users).fill(0)
        const failures: string[] = []
        const pending = new Set<Promise<void>>()
        const read = async (u: number) => {
          const start = step
          const floor = seen[u]
          const [found] = await versionsOf(small, [`u${u}`], random.nextBelow(2) === 0)
          known[u] = found
          const places = history[u].flatMap(({ version, fromStep, toStep }, place) =>
            version === found && fromStep <= step && toStep >= start && place >= floor ? [place] : [],
          )
          if (places.length === 0) failures.push(`step ${start} to ${step}: u${u} read ${found}`)
          else seen[u] = Math.max(seen[u], places[0])
        }
        let version = 0
        const write = async (u: number) => {
          const next = ++version
          const [outcome] = await small.write('t', [
            [ringWrite(`u${u}`, known[u], next, 1 + random.nextBelow(sizeBytes))],
          ])
          if (outcome !== 1) return
          known[u] = next
          supersede(
            u,
            history[u].findIndex((entry) => entry.version === next),
          )
        }
        const forget = async (u: number) => {
          const before = history[u].at(-1)!.version === 0 ? history[u].length - 1 : history[u].length
          await small.forget('t', `u${u}`, digestOf('t', `u${u}`), encodeTombstone('t', digestOf('t', `u${u}`), 1))
          supersede(u, before)
        }
        for (; step < steps; step++) {
          const u = random.nextBelow(users)
          const kind = random.nextBelow(10)
          const operation = kind < 6 ? read(u) : kind < 9 ? write(u) : forget(u)
          pending.add(operation)
          void operation.then(() => pending.delete(operation))
          await settled()
          // Any of those that wait may go on, in any order.
          for (let n = random.nextBelow(releases); n > 0 && held.waiting.length > 0; n--) {
            held.waiting.splice(random.nextBelow(held.waiting.length), 1)[0]()
            await settled()
            note()
          }
        }
        held.holding = false
        while (pending.size > 0) {
          held.waiting.shift()?.()
          await settled()
          note()
        }
        expect(failures).toEqual([])
        expect(version).toBeGreaterThan(50)
        hits += small.hits
        for (let u = 0; u < users; u++) {
          expect(await versionsOf(small, [`u${u}`])).toEqual(await versionsOf(held, [`u${u}`]))
        }
      },
      // Of these seeds, some find each of the flights' rules missing.
      { runs: 120, firstSeed: 200 },
    )
    expect(hits).toBeGreaterThan(500)
  })
})
