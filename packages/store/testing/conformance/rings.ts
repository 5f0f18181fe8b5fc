import { describe, expect, it } from 'vitest'
import {
  appendOutcome,
  createReadBuffer,
  DimensionError,
  FutureTimeError,
  KeyError,
  NonFiniteVectorError,
  RequestError,
  readStatus,
} from '../../src/index.ts'
import { dim, policy, type Subject, vectorOf } from './subject.ts'

export function describeRings(subject: () => Subject): void {
  describe('rings', () => {
    it('tells found, missing and expired apart, for many users and models in one read', async () => {
      await subject().append(['a', 'c'], [1, 3])
      await subject().append(['c', 'b'], [30, 20], 4, 2_000, 'other')
      const [m, other, none] = await subject().read(['a', 'b', 'c', 'a'], ['m', 'other', 'none'], 1_500)
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
      await subject().append(['a'], [1])
      const buffer = createReadBuffer(3, [{ model: 'm', dim, latest: true }])
      buffer.models[0].pooled.fill(9)
      buffer.models[0].status.fill(9)
      await subject().store.read({ users: ['a', 'x'], models: [{ model: 'm' }] }, buffer)
      expect([...buffer.models[0].pooled]).toEqual([...vectorOf(1), 0, 0, 0, 0, 0, 9, 9, 9, 9, 9])
      expect([...buffer.models[0].status]).toEqual([1, 0, 9])
    })

    it('pools the newest of one frame and gives the latest beside it', async () => {
      for (let snapshot = 1; snapshot <= 3; snapshot++) await subject().append(['a'], [10 * snapshot], snapshot)
      let [m] = await subject().read(['a'])
      expect([...m.pooled]).toEqual(vectorOf(20))
      expect([...m.latest!]).toEqual(vectorOf(30))
      await subject().append(['a'], [70], 4)
      ;[m] = await subject().read(['a'])
      expect([...m.pooled]).toEqual(vectorOf(70))
    })

    it('holds int8 and fp16 beside each other, and changes from one to the other', async () => {
      const put = (user: string, value: number, snapshot: number, codec: 'fp16' | 'int8') =>
        subject().store.append({
          model: 'm',
          dim,
          users: [user],
          vectors: Float32Array.from(vectorOf(value)),
          snapshot,
          frame: 0,
          featureTimeMs: Float64Array.of(1),
          writtenMs: 1,
          policy: { ...policy, codec },
        })
      await put('whole', 100, 1, 'fp16')
      await put('eighth', 100, 1, 'int8')
      await put('eighth', 200, 2, 'int8')
      await put('mixed', 100, 1, 'int8')
      await put('mixed', 200, 2, 'fp16')
      const [m] = await subject().read(['whole', 'eighth', 'mixed'])
      expect([...m.status]).toEqual([1, 1, 1])
      expect([...m.pooled.subarray(0, dim)]).toEqual(vectorOf(100))
      expect([...m.latest!.subarray(2 * dim)]).toEqual(vectorOf(200))
      for (let u = 1; u < 3; u++) {
        for (let i = 0; i < dim; i++) {
          // Half a step of each of the two, and the rounding of the pooled vector to fp16.
          const bound = (104 / 254 + 204 / 254) / 2 + 204 * 2 ** -11
          expect(Math.abs(m.pooled[u * dim + i] - (150 + i))).toBeLessThanOrEqual(bound)
        }
      }
    })

    it('weighs what it averages, also where the weights change from one append to the next', async () => {
      let drawn = 0
      const draw = () => Math.sin(97 * ++drawn)
      for (const codec of ['fp16', 'int8'] as const) {
        for (const count of [1, 2, 5]) {
          const user = `${codec} ${count}`
          let held: { vector: Float32Array; frame: number }[] = []
          for (let snapshot = 0; snapshot < 8; snapshot++) {
            const weights = Array.from({ length: count }, () => 10 ** (4 * draw()))
            const vector = Float32Array.from({ length: dim }, draw)
            const frame = Number(snapshot > 1)
            held = [{ vector, frame }, ...held].slice(0, 6)
            await subject().store.append({
              model: 'm',
              dim,
              users: [user],
              vectors: vector,
              snapshot,
              frame,
              featureTimeMs: Float64Array.of(snapshot),
              writtenMs: snapshot,
              policy: { slots: 6, count, weights, slot: 'snapshot', codec },
            })
            const [m] = await subject().read([user])
            const taking = held.filter((each) => each.frame === frame).slice(0, count)
            for (let i = 0; i < dim; i++) {
              let [sum, total] = [0, 0]
              for (const [s, each] of taking.entries()) {
                sum += weights[s] * each.vector[i]
                total += weights[s]
              }
              // Half a step of the slots' codec, and the rounding of the pooled vector to fp16.
              const step = codec === 'int8' ? 1 / 254 : 2 ** -12
              expect(Math.abs(m.pooled[i] - sum / total)).toBeLessThanOrEqual(step + 2 ** -11)
            }
          }
        }
      }
    })

    it('appends idempotently and never lets an older result overwrite a newer', async () => {
      const { written, duplicate, older } = appendOutcome
      expect([...(await subject().append(['a', 'b'], [1, 2], 2, 500)).outcomes]).toEqual([written, written])
      expect([...(await subject().append(['a', 'c'], [8, 3], 2, 500)).outcomes]).toEqual([duplicate, written])
      expect([...(await subject().append(['a'], [8], 2, 400)).outcomes]).toEqual([older])
      const [m] = await subject().read(['a', 'b', 'c'])
      expect([...m.pooled]).toEqual([1, 2, 3].flatMap(vectorOf))
    })

    it('lets racing writers end with the newest, also twice in one batch', async () => {
      const times = [300, 900, 100, 700, 500]
      await Promise.all(times.map((timeMs) => subject().append(['a', 'b', 'a'], [timeMs, timeMs, timeMs], 1, timeMs)))
      const [m] = await subject().read(['a', 'b'])
      expect([...m.featureTimeMs]).toEqual([900, 900])
      expect([...m.pooled]).toEqual([...vectorOf(900), ...vectorOf(900)])
    })

    it('tells the good rows of a batch from the bad', async () => {
      const { written, refused } = appendOutcome
      await subject().append(['narrow'], [1])
      await subject().store.append({
        model: 'm',
        dim: dim - 1,
        users: ['wide'],
        vectors: new Float32Array(dim - 1),
        snapshot: 1,
        frame: 0,
        featureTimeMs: Float64Array.of(1),
        writtenMs: 1,
        policy,
      })
      const dayMs = 86_400_000
      const rows: [user: string, value: number, timeMs: number, error: unknown][] = [
        ['a', 1, 1, null],
        ['', 2, 1, KeyError],
        ['c', Number.NaN, 1, NonFiniteVectorError],
        ['d', 4, Number.NaN, RequestError],
        ['e', 1e6, 1, NonFiniteVectorError],
        ['f', Infinity, 1, NonFiniteVectorError],
        ['x'.repeat(10_240), 1, 1, KeyError],
        ['n\0l', 1, 1, KeyError],
        ['\ud83d', 1, 1, KeyError],
        ['g', 1, dayMs + 2, FutureTimeError],
        ['h', 1, dayMs + 1, null],
        ['wide', 1, 1, DimensionError],
        ['i', 1, -1, RequestError],
      ]
      const result = await subject().store.append({
        model: 'm',
        dim,
        users: rows.map(([user]) => user),
        vectors: Float32Array.from(rows.flatMap(([, value]) => vectorOf(value))),
        snapshot: 2,
        frame: 1,
        featureTimeMs: Float64Array.from(rows, ([, , timeMs]) => timeMs),
        writtenMs: 1,
        policy,
      })
      expect([...result.outcomes]).toEqual(rows.map(([, , , error]) => (error === null ? written : refused)))
      expect(result.refusals.map(({ row, error }) => [row, error.constructor])).toEqual(
        rows.flatMap(([, , , error], row) => (error === null ? [] : [[row, error]])),
      )
      for (const { error } of result.refusals) expect(error.message).toMatch(/; /)
      expect([...(await subject().read(['a', 'c', 'd', 'e', 'f', 'g', 'h']))[0].status]).toEqual([1, 0, 0, 0, 0, 0, 1])
    })

    it('refuses a batch that does not hold together, and takes an empty one', async () => {
      const { store } = subject()
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
        { policy: { ...policy, codec: 'int4' as 'int8' } },
        { policy: { ...policy, weights: [1, 1] } },
        { policy: { ...policy, weights: [1, 0, 1] } },
        { policy: { ...policy, weights: [1, Number.NaN, 1] } },
        { policy: { ...policy, weights: [1, 1e308, 1e308] } },
      ]) {
        await expect(store.append({ ...good, ...bad })).rejects.toThrow(RequestError)
      }
      await expect(store.append({ ...good, model: '' })).rejects.toThrow(KeyError)
      const empty = { users: [], vectors: new Float32Array(), featureTimeMs: new Float64Array() }
      expect(await store.append({ ...good, ...empty })).toEqual({ outcomes: new Uint8Array(), refusals: [] })
      expect((await subject().tables()).ring).toBe(0)
    })

    it('takes batches up to its bound, in slices, and refuses larger ones', async () => {
      // More than an append holds, or a Valkey server is asked, at once.
      const most = 9_000
      const small = subject().with({ maxBatchRows: most })
      const users = Array.from({ length: most + 1 }, (_, i) => `u${i}`)
      const values = users.map((_, i) => i % 300)
      await expect(subject().append(users, values, 1, 1_000, 'm', small)).rejects.toThrow(RequestError)
      await expect(subject().read(users, ['m'], undefined, small)).rejects.toThrow(RequestError)
      await expect(small.readStates('user', users)).rejects.toThrow(/9000/)
      users.pop()
      values.pop()
      const { outcomes } = await subject().append(users, values, 1, 1_000, 'm', small)
      expect(outcomes.every((outcome) => outcome === appendOutcome.written)).toBe(true)
      const [m] = await subject().read(users, ['m'], undefined, small)
      expect(m.status.every((status) => status === readStatus.found)).toBe(true)
      expect([...m.pooled]).toEqual(values.flatMap(vectorOf))
    })

    it('refuses calls of more than 1,048,576 rows', async () => {
      const { store } = subject()
      const rows = 2 ** 20 + 1
      const users = new Array<string>(rows).fill('u')
      const times = new Float64Array(rows)
      const refused = /1048576; send them in slices/
      const vectors = { model: 'm', dim: 1, vectors: new Float32Array(rows), snapshot: 1, frame: 0, policy }
      await expect(store.append({ users, ...vectors, featureTimeMs: times, writtenMs: 1 })).rejects.toThrow(refused)
      const buffer = createReadBuffer(rows, [{ model: 'm', dim: 1 }])
      await expect(store.read({ users, models: [{ model: 'm' }] }, buffer)).rejects.toThrow(refused)
      await expect(store.readStates('user', users)).rejects.toThrow(refused)
      const events = { users, eventIds: users, timesMs: times, payloads: [], writtenMs: 1 }
      await expect(store.appendEvents(events)).rejects.toThrow(refused)
    })

    it('reads a model of which nothing is held as missing', async () => {
      await subject().append(['u'], [1])
      const [unknown, m] = await subject().read(['u', 'nobody'], ['unknown', 'm'])
      expect([...unknown.status]).toEqual([readStatus.missing, readStatus.missing])
      expect([...unknown.pooled]).toEqual(new Array(2 * dim).fill(0))
      expect([...m.status]).toEqual([readStatus.found, readStatus.missing])
    })

    it('refuses reads that do not fit their buffer', async () => {
      const { store } = subject()
      const buffer = createReadBuffer(1, [{ model: 'm', dim }])
      const model = { model: 'm' }
      await expect(store.read({ users: ['a', 'b'], models: [model] }, buffer)).rejects.toThrow(RequestError)
      await expect(store.read({ users: ['a'], models: [] }, buffer)).rejects.toThrow(RequestError)
      await expect(store.read({ users: ['a'], models: [{ model: 'x' }] }, buffer)).rejects.toThrow(RequestError)
      await expect(store.read({ users: ['a\0'], models: [model] }, buffer)).rejects.toThrow(KeyError)
      await subject().append(['a'], [1])
      const narrow = createReadBuffer(1, [{ model: 'm', dim: dim - 1 }])
      await expect(store.read({ users: ['a'], models: [model] }, narrow)).rejects.toThrow(DimensionError)
    })
  })
}
