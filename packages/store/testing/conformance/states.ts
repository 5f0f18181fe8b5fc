import { describe, expect, it } from 'vitest'
import { KeyError, RequestError, writeOutcome } from '../../src/index.ts'
import { bytes, type Subject } from './subject.ts'

export function describeStates(subject: () => Subject): void {
  describe('states', () => {
    it('sets states by version', async () => {
      const { store } = subject()
      await subject().create('user', ['u'], bytes(1, 2, 3))
      await subject().create('item', ['u'], bytes())
      const read = await store.readStates('user', ['u', 'none'])
      expect(read.states).toEqual([bytes(1, 2, 3), undefined])
      expect(read.versions[0]).toBeGreaterThan(0)
      expect(read.versions[1]).toBe(0)
      const set = async (expected: number, value: number) =>
        (await store.compareAndSetStates([[{ kind: 'user', key: 'u', expected, state: bytes(value) }]]))[0]
      expect(await set(0, 4)).toBe(writeOutcome.moved)
      expect(await set(read.versions[0] + 1, 4)).toBe(writeOutcome.moved)
      expect(await set(read.versions[0], 5)).toBe(writeOutcome.written)
      expect(await set(read.versions[0], 6)).toBe(writeOutcome.moved)
      expect((await store.readStates('user', ['u'])).states).toEqual([bytes(5)])
      expect((await store.readStates('item', ['u'])).states).toEqual([bytes()])
    })

    it('writes a group of several keys whole or not at all, or says that it cannot', async () => {
      const { store } = subject()
      await subject().create('user', ['u'], bytes(1))
      await subject().create('item', ['i'], bytes(2))
      const [user, item] = [await subject().versionOf('user', 'u'), await subject().versionOf('item', 'i')]
      const groups = [
        [
          { kind: 'user', key: 'u', expected: user, state: bytes(4) },
          { kind: 'item', key: 'i', expected: item + 6, state: bytes(5) },
        ],
        [
          { kind: 'user', key: 'v', expected: 0, state: bytes(6) },
          { kind: 'item', key: 'i', expected: item, state: bytes(7) },
        ],
      ] as const
      const states = async () => [
        ...(await store.readStates('user', ['u', 'v'])).states,
        ...(await store.readStates('item', ['i'])).states,
      ]
      if (store.atomicity === 'key') {
        await expect(store.compareAndSetStates(groups)).rejects.toThrow(RequestError)
        await expect(store.compareAndSetStates(groups)).rejects.toThrow(/one at a time/)
        expect(await states()).toEqual([bytes(1), undefined, bytes(2)])
        return
      }
      expect([...(await store.compareAndSetStates(groups))]).toEqual([writeOutcome.moved, writeOutcome.written])
      expect(await states()).toEqual([bytes(1), bytes(6), bytes(7)])
    })

    it('writes nothing of a call with a bad key', async () => {
      const { store } = subject()
      const good = [{ kind: 'user', key: 'w', expected: 0, state: bytes(1) }] as const
      for (const key of ['', 'n\0l', '\ud83d', '\udc00x', 'x'.repeat(10_240)]) {
        for (const kind of ['user', 'item'] as const) {
          const bad = [{ kind, key, expected: 0, state: bytes() }]
          await expect(store.compareAndSetStates([good, bad])).rejects.toThrow(KeyError)
          await expect(store.readStates(kind, ['w', key])).rejects.toThrow(KeyError)
        }
        await expect(store.readEvents([key])).rejects.toThrow(KeyError)
        await expect(store.forget(key)).rejects.toThrow(KeyError)
      }
      expect((await store.readStates('user', ['w'])).states).toEqual([undefined])
      await expect(
        store.compareAndSetStates([[{ kind: 'item', key: 'i', expected: 0, state: bytes(), featureTimeMs: 1 }]]),
      ).rejects.toThrow(RequestError)
    })

    it('writes nothing of a call with a state that is none or too large, or with too many', async () => {
      const { store } = subject()
      const write = (state: Uint8Array) => [{ kind: 'item', key: 'i', expected: 0, state }] as const
      const large = new Uint8Array(2 ** 24 + 1)
      await expect(store.compareAndSetStates([write(bytes(1)), write(large)])).rejects.toThrow(/group 1.*limit/)
      await expect(store.compareAndSetStates([write([1] as unknown as Uint8Array)])).rejects.toThrow(RequestError)
      const small = subject().with({ maxBatchRows: 2 })
      if (store.atomicity === 'store') {
        const group = ['a', 'b', 'c'].flatMap((key) => write(bytes(1)).map((each) => ({ ...each, key })))
        await expect(small.compareAndSetStates([group])).rejects.toThrow(/3 states/)
      }
      await expect(small.compareAndSetStates([[], [], []])).rejects.toThrow(/3 groups/)
      expect(await subject().keysOf('item')).toEqual([])
    })

    it('loses no update of racing writers that retry', async () => {
      const { store } = subject()
      const increment = async () => {
        for (;;) {
          const { states, versions } = await store.readStates('item', ['n'])
          const state = bytes((states[0]?.[0] ?? 0) + 1)
          const [done] = await store.compareAndSetStates([[{ kind: 'item', key: 'n', expected: versions[0], state }]])
          if (done === writeOutcome.written) return
        }
      }
      await Promise.all(Array.from({ length: 40 }, increment))
      expect((await store.readStates('item', ['n'])).states[0]).toEqual(bytes(40))
    })

    it('does not take a state that was made anew for the one before', async () => {
      const { store } = subject()
      await subject().create('user', ['u'])
      const before = await subject().versionOf('user', 'u')
      await store.forget('u', { atMs: 5 })
      await subject().create('user', ['u'])
      const [outcome] = await store.compareAndSetStates([
        [{ kind: 'user', key: 'u', expected: before, state: bytes(9) }],
      ])
      expect(outcome).toBe(writeOutcome.moved)
    })

    it('gives states as copies', async () => {
      const { store } = subject()
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
      await subject().create('user', keys)
      await subject().create('item', ['i'])
      const expected = keys.map((key) => Buffer.from(key)).sort(Buffer.compare)
      expect(await subject().keysOf('user')).toEqual(expected.map(String))
      expect(await subject().keysOf('item')).toEqual(['i'])
    })

    it('reads its own writes while it writes many', async () => {
      const { store } = subject()
      for (let i = 0; i < 3_000; i++) {
        const key = `u${i % 700}`
        const { states, versions } = await store.readStates('user', [key])
        expect(states[0]?.[0] ?? 0).toBe(Math.floor(i / 700))
        const state = bytes(Math.floor(i / 700) + 1)
        const done = await store.compareAndSetStates([[{ kind: 'user', key, expected: versions[0], state }]])
        expect([...done]).toEqual([writeOutcome.written])
        if (i % 500 === 499) await store.flushed()
      }
    })
  })
}
