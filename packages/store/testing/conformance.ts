import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  appendOutcome,
  createReadBuffer,
  type EmbeddingStore,
  KeyError,
  NonFiniteVectorError,
  RequestError,
  readStatus,
  StoreClosedError,
} from '../src/index.ts'

const policy = { slots: 3, count: 3, slot: 'snapshot' } as const
const dim = 5

/** What every driver must do, whatever holds its records. `open` gives a new, empty store of tenant `default`. */
export function describeConformance(name: string, open: () => Promise<EmbeddingStore>): void {
  describe(`conformance of ${name}`, () => {
    let store: EmbeddingStore
    beforeEach(async () => {
      store = await open()
    })
    afterEach(() => store.close())

    const vectorOf = (value: number) => Array.from({ length: dim }, (_, i) => value + i)
    const append = (users: readonly string[], values: readonly number[], snapshot = 1, timeMs = 1_000, model = 'm') =>
      store.append({
        model,
        dim,
        users,
        vectors: Float32Array.from(values.flatMap(vectorOf)),
        snapshot,
        frame: snapshot >> 2,
        featureTimeMs: new Float64Array(users.length).fill(timeMs),
        writtenMs: timeMs + 1,
        policy,
      })
    const read = async (users: readonly string[], models = ['m'], expiredBeforeMs?: number, from = store) => {
      const buffer = createReadBuffer(
        users.length,
        models.map((model) => ({ model, dim, latest: true })),
      )
      const expiry = expiredBeforeMs === undefined ? {} : { expiredBeforeMs }
      await from.read({ users, models: models.map((model) => ({ model, ...expiry })) }, buffer)
      return buffer.models
    }
    const keysOf = async (kind: 'user' | 'item', from = store) => {
      const keys: string[] = []
      for await (const key of from.keys(kind)) keys.push(key)
      return keys
    }
    const bytes = (...values: number[]) => Uint8Array.from(values)

    it('tells found, missing and expired apart, for many users and models in one read', async () => {
      await append(['a', 'c'], [1, 3])
      await append(['c', 'b'], [30, 20], 4, 2_000, 'other')
      const [m, other, none] = await read(['a', 'b', 'c', 'a'], ['m', 'other', 'none'], 1_500)
      const { missing, found, expired } = readStatus
      expect([...m.status]).toEqual([expired, missing, expired, expired])
      expect([...m.featureTimeMs]).toEqual([1_000, 0, 1_000, 1_000])
      expect([...m.pooled]).toEqual(new Array(4 * dim).fill(0))
      expect([...other.status]).toEqual([missing, found, found, missing])
      expect([...other.pooled.subarray(dim, 3 * dim)]).toEqual([...vectorOf(20), ...vectorOf(30)])
      expect([...other.snapshot]).toEqual([0, 4, 4, 0])
      expect([...other.frame]).toEqual([0, 1, 1, 0])
      expect([...other.writtenMs]).toEqual([0, 2_001, 2_001, 0])
      expect([...none.status]).toEqual([missing, missing, missing, missing])
    })

    it('overwrites all of a reused row, and leaves rows beyond the request', async () => {
      await append(['a'], [1])
      const buffer = createReadBuffer(3, [{ model: 'm', dim, latest: true }])
      buffer.models[0].pooled.fill(9)
      buffer.models[0].status.fill(9)
      await store.read({ users: ['a', 'x'], models: [{ model: 'm' }] }, buffer)
      expect([...buffer.models[0].pooled]).toEqual([...vectorOf(1), 0, 0, 0, 0, 0, 9, 9, 9, 9, 9])
      expect([...buffer.models[0].status]).toEqual([1, 0, 9])
    })

    it('pools the newest of one frame and gives the latest beside it', async () => {
      for (let snapshot = 1; snapshot <= 3; snapshot++) await append(['a'], [10 * snapshot], snapshot)
      let [m] = await read(['a'])
      expect([...m.pooled]).toEqual(vectorOf(20))
      expect([...m.latest!]).toEqual(vectorOf(30))
      await append(['a'], [70], 4)
      ;[m] = await read(['a'])
      expect([...m.pooled]).toEqual(vectorOf(70))
    })

    it('appends idempotently and never lets an older result overwrite a newer', async () => {
      const { written, duplicate, older } = appendOutcome
      expect([...(await append(['a', 'b'], [1, 2], 2, 500)).outcomes]).toEqual([written, written])
      expect([...(await append(['a', 'c'], [8, 3], 2, 500)).outcomes]).toEqual([duplicate, written])
      expect([...(await append(['a'], [8], 2, 400)).outcomes]).toEqual([older])
      const [m] = await read(['a', 'b', 'c'])
      expect([...m.pooled]).toEqual([1, 2, 3].flatMap(vectorOf))
    })

    it('lets racing writers end with the newest, also twice in one batch', async () => {
      const times = [300, 900, 100, 700, 500]
      await Promise.all(times.map((timeMs) => append(['a', 'b', 'a'], [timeMs, timeMs, timeMs], 1, timeMs)))
      const [m] = await read(['a', 'b'])
      expect([...m.featureTimeMs]).toEqual([900, 900])
      expect([...m.pooled]).toEqual([...vectorOf(900), ...vectorOf(900)])
    })

    it('tells the good rows of a batch from the bad', async () => {
      const { written, refused } = appendOutcome
      const result = await store.append({
        model: 'm',
        dim,
        users: ['a', '', 'c', 'd', 'e'],
        vectors: Float32Array.from([1, 2, Number.NaN, 4, 1e6].flatMap(vectorOf)),
        snapshot: 1,
        frame: 1,
        featureTimeMs: Float64Array.of(1, 1, 1, Number.NaN, 1),
        writtenMs: 1,
        policy,
      })
      expect([...result.outcomes]).toEqual([written, refused, refused, refused, refused])
      expect(result.refusals.map(({ row, error }) => [row, error.constructor])).toEqual([
        [1, KeyError],
        [2, NonFiniteVectorError],
        [3, RequestError],
        [4, NonFiniteVectorError],
      ])
      expect([...(await read(['a', 'c', 'd', 'e']))[0].status]).toEqual([1, 0, 0, 0])
    })

    it('refuses a batch that does not hold together, and takes an empty one', async () => {
      const good = {
        model: 'm',
        dim,
        users: ['a'],
        vectors: new Float32Array(dim),
        snapshot: 1,
        frame: 1,
        featureTimeMs: Float64Array.of(1),
        writtenMs: 1,
        policy,
      }
      for (const bad of [
        { dim: 0 },
        { dim: 1.5 },
        { dim: 4 },
        { users: ['a', 'b'] },
        { featureTimeMs: new Float64Array(2) },
        { snapshot: -1 },
        { snapshot: 2 ** 32 },
        { frame: 0.5 },
        { writtenMs: Number.NaN },
        { policy: { ...policy, slots: 0 } },
        { policy: { ...policy, count: 4 } },
      ]) {
        await expect(store.append({ ...good, ...bad })).rejects.toThrow(RequestError)
      }
      await expect(store.append({ ...good, model: '' })).rejects.toThrow(KeyError)
      const empty = { users: [], vectors: new Float32Array(), featureTimeMs: new Float64Array() }
      expect(await store.append({ ...good, ...empty })).toEqual({ outcomes: new Uint8Array(), refusals: [] })
      await store.append(good)
      const other = await store.append({ ...good, dim: 2, vectors: new Float32Array(2), snapshot: 2 })
      expect(other.refusals[0].error).toBeInstanceOf(RequestError)
    })

    it('refuses reads that do not fit their buffer', async () => {
      const buffer = createReadBuffer(1, [{ model: 'm', dim }])
      const model = { model: 'm' }
      await expect(store.read({ users: ['a', 'b'], models: [model] }, buffer)).rejects.toThrow(RequestError)
      await expect(store.read({ users: ['a'], models: [] }, buffer)).rejects.toThrow(RequestError)
      await expect(store.read({ users: ['a'], models: [{ model: 'x' }] }, buffer)).rejects.toThrow(RequestError)
      await expect(store.read({ users: ['a\0'], models: [model] }, buffer)).rejects.toThrow(KeyError)
      await append(['a'], [1])
      const narrow = createReadBuffer(1, [{ model: 'm', dim: dim - 1 }])
      await expect(store.read({ users: ['a'], models: [model] }, narrow)).rejects.toThrow(RequestError)
    })

    it('sets states by version, each group whole or not at all', async () => {
      const first = await store.compareAndSetStates([
        [{ kind: 'user', key: 'u', expected: 0, state: bytes(1, 2, 3) }],
        [{ kind: 'item', key: 'u', expected: 0, state: bytes() }],
      ])
      expect([...first]).toEqual([1, 1])
      const read = await store.readStates('user', ['u', 'none'])
      expect(read.states).toEqual([bytes(1, 2, 3), undefined])
      expect([...read.versions]).toEqual([1, 0])
      const second = await store.compareAndSetStates([
        [
          { kind: 'user', key: 'u', expected: 1, state: bytes(4) },
          { kind: 'item', key: 'u', expected: 7, state: bytes(5) },
        ],
        [
          { kind: 'user', key: 'v', expected: 0, state: bytes(6) },
          { kind: 'item', key: 'u', expected: 1, state: bytes(7) },
        ],
      ])
      expect([...second]).toEqual([0, 1])
      expect((await store.readStates('user', ['u', 'v'])).states).toEqual([bytes(1, 2, 3), bytes(6)])
      expect((await store.readStates('item', ['u'])).states).toEqual([bytes(7)])
      const bad = [{ kind: 'user', key: '', expected: 0, state: bytes() }] as const
      await expect(
        store.compareAndSetStates([[{ kind: 'user', key: 'w', expected: 0, state: bytes(1) }], bad]),
      ).rejects.toThrow(KeyError)
      expect((await store.readStates('user', ['w'])).states).toEqual([undefined])
    })

    it('loses no update of racing writers that retry', async () => {
      const increment = async () => {
        for (;;) {
          const { states, versions } = await store.readStates('item', ['n'])
          const state = bytes((states[0]?.[0] ?? 0) + 1)
          const [done] = await store.compareAndSetStates([[{ kind: 'item', key: 'n', expected: versions[0], state }]])
          if (done === 1) return
        }
      }
      await Promise.all(Array.from({ length: 40 }, increment))
      expect((await store.readStates('item', ['n'])).states[0]).toEqual(bytes(40))
    })

    it('gives states as copies', async () => {
      const state = bytes(1)
      await store.compareAndSetStates([[{ kind: 'user', key: 'u', expected: 0, state }]])
      state[0] = 9
      const { states } = await store.readStates('user', ['u'])
      states[0]![0] = 8
      expect((await store.readStates('user', ['u'])).states[0]).toEqual(bytes(1))
    })

    it('iterates in the order of UTF-8 bytes, across slices', async () => {
      const special = ['a', 'b', 'é', '\ufffd', '😀', 'a\x01', 'ab', 'Z', 'a'.repeat(512)]
      const many = Array.from({ length: 2_300 }, (_, i) => `k${(i * 7_919) % 2_300}`)
      const keys = [...special, ...many]
      await store.compareAndSetStates(keys.map((key) => [{ kind: 'user', key, expected: 0, state: bytes(1) }]))
      await store.compareAndSetStates([[{ kind: 'item', key: 'i', expected: 0, state: bytes(1) }]])
      const expected = keys.map((key) => Buffer.from(key)).sort(Buffer.compare)
      expect(await keysOf('user')).toEqual(expected.map(String))
      expect(await keysOf('item')).toEqual(['i'])
    })

    it('forgets a user, and no other', async () => {
      for (const user of ['u', 'u2', 'v']) {
        await store.compareAndSetStates([[{ kind: 'user', key: user, expected: 0, state: bytes(1) }]])
        await append([user], [1])
        await append([user], [2], 1, 1, 'other')
      }
      await store.flushed()
      await append(['u'], [2], 1, 1, 'third')
      expect(await store.forget('u')).toEqual({ user: 'u', tenant: 'default', rings: 3, states: 1 })
      expect(await store.forget('u')).toEqual({ user: 'u', tenant: 'default', rings: 0, states: 0 })
      expect(await keysOf('user')).toEqual(['u2', 'v'])
      const columns = await read(['u', 'u2', 'v'], ['m', 'other', 'third'])
      expect(columns.map(({ status }) => [...status])).toEqual([
        [0, 1, 1],
        [0, 1, 1],
        [0, 0, 0],
      ])
    })

    it('keeps tenants apart', async () => {
      const other = store.forTenant('other')
      await append(['u'], [1])
      await store.compareAndSetStates([[{ kind: 'user', key: 'u', expected: 0, state: bytes(1) }]])
      expect([...(await read(['u'], ['m'], undefined, other))[0].status]).toEqual([0])
      expect((await other.readStates('user', ['u'])).states).toEqual([undefined])
      expect(await keysOf('user', other)).toEqual([])
      await other.forget('u')
      expect(await keysOf('user')).toEqual(['u'])
      expect(() => store.forTenant('')).toThrow(KeyError)
    })

    it('checks all records, before and after they are flushed', async () => {
      await append(['u', 'v'], [1, 2])
      await store.compareAndSetStates([[{ kind: 'item', key: 'i', expected: 0, state: bytes(1, 2) }]])
      expect(await store.check()).toMatchObject({ records: 3, faults: [] })
      await store.flushed()
      expect(await store.check()).toMatchObject({ records: 3, faults: [] })
    })

    it('reads its own writes while it writes many', async () => {
      for (let i = 0; i < 3_000; i++) {
        const key = `u${i % 700}`
        const { states, versions } = await store.readStates('user', [key])
        expect(states[0]?.[0] ?? 0).toBe(Math.floor(i / 700))
        const state = bytes(Math.floor(i / 700) + 1)
        expect([...(await store.compareAndSetStates([[{ kind: 'user', key, expected: versions[0], state }]]))]).toEqual(
          [1],
        )
        if (i % 500 === 499) await store.flushed()
      }
    })

    it('refuses calls after it is closed', async () => {
      await store.close()
      await expect(append(['a'], [1])).rejects.toThrow(StoreClosedError)
      await expect(store.readStates('user', ['a'])).rejects.toThrow(StoreClosedError)
      expect(() => store.keys('user')).toThrow(StoreClosedError)
    })
  })
}
