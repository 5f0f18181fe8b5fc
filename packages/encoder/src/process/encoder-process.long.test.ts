/** Real processes; what they encode with is plain, so that a test can say what must come out. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import { fileURLToPath } from 'node:url'
import { EncoderDiedError } from '@headwater/pooling'
import { temporaryDirectory } from '@headwater/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Behaviour, behaviourFile, plainVectors } from '../../testing/plain-backend.ts'
import { publishRandom, randomRows } from '../../testing/random-snapshot.ts'
import { EncoderStartError, startEncoder } from '../index.ts'
import type { EncoderProcess, StartEncoderOptions } from './encoder-process.ts'

const plain = new URL('../../testing/plain-backend.ts', import.meta.url)
const dim = 24

let model: string
let encoder: EncoderProcess | null = null
let errors: Error[] = []
beforeEach(() => {
  model = temporaryDirectory()
  errors = []
})
afterEach(async () => {
  const pid = encoder?.status().pid ?? null
  await encoder?.close()
  encoder = null
  if (pid !== null) expect(isAlive(pid)).toBe(false)
})

async function start(options: StartEncoderOptions = {}): Promise<EncoderProcess> {
  const backOff = { firstMs: 20, mostMs: 100 }
  encoder = await startEncoder({ backend: plain, backOff, onError: (error) => errors.push(error), ...options })
  return encoder
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function until(seen: () => boolean): Promise<void> {
  while (!seen()) await new Promise((resolve) => setTimeout(resolve, 2))
}

const behave = (directory: string, behaviour: Behaviour) => writeFileSync(behaviourFile(directory), behaviour)
const calm = (directory: string) => rmSync(behaviourFile(directory))

describe('an encoder process', () => {
  test('encodes for several snapshots at once, at lower priority, and forgets one that is released', async () => {
    const encoder = await start({ priority: 12 })
    expect(getPriority(encoder.status().pid!)).toBe(12)
    const snapshots = await Promise.all([
      encoder.load(await publishRandom(model, 1)),
      encoder.load(await publishRandom(temporaryDirectory(), 2, { width: 24 })),
    ])
    expect(snapshots[0]).toMatchObject({ snapshot: 1, frame: 1, dim, dataCutoffMs: 1_700_000_000_001 })
    const calls = Array.from({ length: 30 }, (_, i) => ({
      of: snapshots[i % 2],
      batch: randomRows(1 + ((i * 37) % 300), i),
    }))
    const vectors = await Promise.all(calls.map(({ of, batch }) => of.encode(batch)))
    for (const [i, { of, batch }] of calls.entries())
      expect(vectors[i]).toEqual(plainVectors(of.snapshot, of.dim, batch))

    // Released while a batch is under way: the batch ends first.
    behave(snapshots[0].directory, 'slow')
    const batch = randomRows(3, 99)
    const last = snapshots[0].encode(batch)
    let isReleased = false
    const released = snapshots[0].release().then(() => {
      isReleased = true
    })
    await expect(snapshots[0].encode(batch)).rejects.toThrow(/was released/)
    expect(isReleased).toBe(false)
    expect(await last).toEqual(plainVectors(1, dim, batch))
    await released
    expect(await snapshots[1].encode(batch)).toEqual(plainVectors(2, 48, batch))
    expect(errors).toEqual([])
  })

  test('is started again where it was killed, crashes, hangs or loses its device, with its snapshots', async () => {
    const encoder = await start({ answerTimeoutMs: 150 })
    const snapshot = await encoder.load(await publishRandom(model, 1))
    const other = await encoder.load(await publishRandom(model, 2))
    const batch = randomRows(5, 1)
    const pids = new Set([encoder.status().pid])
    const cases: [Behaviour | 'kill', RegExp][] = [
      ['kill', /SIGKILL/],
      ['crash', /SIGSEGV/],
      ['hang', /no answer for 150 ms/],
      ['lost', /Device "test" was lost/],
    ]
    for (const [i, [what, message]] of cases.entries()) {
      behave(snapshot.directory, what === 'kill' ? 'slow' : what)
      const underWay = [snapshot.encode(batch), other.encode(batch)]
      // The other's call may be answered before.
      underWay[1].catch(() => {})
      if (what === 'kill') process.kill(encoder.status().pid!, 'SIGKILL')
      await expect(underWay[0]).rejects.toThrow(EncoderDiedError)
      expect(encoder.status()).toMatchObject({ state: 'restarting', lastError: expect.stringMatching(message) })
      calm(snapshot.directory)
      // A call that comes meanwhile waits.
      expect(await Promise.all([snapshot.encode(batch), other.encode(batch)])).toEqual([
        plainVectors(1, dim, batch),
        plainVectors(2, dim, batch),
      ])
      expect(encoder.status()).toMatchObject({ state: 'ready', restarts: i + 1 })
      expect(errors[i]).toBeInstanceOf(EncoderDiedError)
      expect(pids.has(encoder.status().pid)).toBe(false)
      pids.add(encoder.status().pid)
    }
    pids.delete(encoder.status().pid)
    for (const pid of pids) expect(isAlive(pid!)).toBe(false)
  })

  test('tells what failed in it, and refuses what cannot be loaded, and goes on', async () => {
    const encoder = await start()
    const snapshot = await encoder.load(await publishRandom(model, 1))
    const batch = randomRows(2, 1)
    const damaged = await publishRandom(model, 2)
    writeFileSync(`${damaged}/weights.safetensors`, 'no weights')
    await expect(encoder.load(damaged)).rejects.toMatchObject({
      name: 'SnapshotRefusedError',
      message: expect.stringMatching(/snapshot-000002 cannot be served: .*weights/s),
    })
    behave(snapshot.directory, 'fail')
    await expect(snapshot.encode(batch)).rejects.toMatchObject({ name: 'EncodeError', remoteName: 'RangeError' })
    calm(snapshot.directory)
    expect(await snapshot.encode(batch)).toEqual(plainVectors(1, dim, batch))
    expect(encoder.status()).toMatchObject({ state: 'ready', restarts: 0, lastError: null })

    // One that is gone when the process comes up again does not hold up the others.
    const going = await encoder.load(await publishRandom(model, 3))
    rmSync(going.directory, { recursive: true })
    process.kill(encoder.status().pid!, 'SIGKILL')
    await until(() => encoder.status().state === 'restarting')
    expect(await snapshot.encode(batch)).toEqual(plainVectors(1, dim, batch))
    await expect(going.encode(batch)).rejects.toThrow(/snapshot-000003/)
    expect(errors.map(({ name }) => name)).toEqual(['EncoderDiedError', 'SnapshotRefusedError'])
  })

  test('that cannot start says why, and leaves nothing behind', async () => {
    await expect(start({ backend: new URL('../../testing/none.ts', import.meta.url) })).rejects.toThrow(/none\.ts/)
    await expect(start({ prefix: ['headwater-no-such-program'] })).rejects.toThrow(EncoderStartError)
    await expect(start({ priority: 20 })).rejects.toThrow(/0 to 19/)
    await expect(start({ answerTimeoutMs: 0 })).rejects.toThrow(/answerTimeoutMs/)
  })

  test('is refused once it is closed, and its calls end', async () => {
    const encoder = await start({ prefix: ['env', 'HEADWATER_TEST=1'] })
    const snapshot = await encoder.load(await publishRandom(model, 1))
    behave(snapshot.directory, 'hang')
    const underWay = expect(snapshot.encode(randomRows(1, 1))).rejects.toThrow(EncoderDiedError)
    await encoder.close()
    await underWay
    expect(encoder.status()).toMatchObject({ state: 'stopped', pid: null })
    await expect(snapshot.encode(randomRows(1, 1))).rejects.toThrow(/closed/)
  })

  test('ends with the process that started it, however that ends, and does not keep it alive', async () => {
    const maker = fileURLToPath(new URL('../../testing/orphan-maker.ts', import.meta.url))
    const args = ['--conditions=@headwater/source', '--import', import.meta.resolve('tsx'), maker]
    const snapshot = await publishRandom(model, 1)
    const run = async (then: 'stay' | 'stuck' | 'leave') => {
      const parent = spawn(process.execPath, [...args, then, snapshot], { stdio: ['ignore', 'pipe', 'inherit'] })
      const exited = once(parent, 'exit')
      const [line] = await once(parent.stdout, 'data')
      if (then !== 'leave') {
        expect(isAlive(Number(line))).toBe(true)
        parent.kill('SIGKILL')
      }
      const [code] = await exited
      await until(() => !isAlive(Number(line)))
      return code
    }
    expect(await Promise.all([run('stay'), run('stuck'), run('leave')])).toEqual([null, null, 0])
  })
})
