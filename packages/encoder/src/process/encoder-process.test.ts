/** What processes are asked for, of processes that a test plays. */
import { EncoderDiedError } from '@headwater/pooling'
import { expect, test } from 'vitest'
import { EncoderProcess } from './encoder-process.ts'
import type { LoadedMessage } from './messages.ts'
import type { RunningEncoder } from './running-encoder.ts'

const loaded = { manifest: { snapshot: 1, frame: 1, dataCutoffMs: 0 }, schema: {}, dim: 8 } as unknown as LoadedMessage

function promised<T>() {
  let resolve!: (value: T) => void
  return { promise: new Promise<T>((settle) => (resolve = settle)), resolve: (value: T) => resolve(value) }
}

/** A process that loads once it may; `held` is what is loaded in it. */
function playedProcess() {
  const held = new Set<number>()
  const [asked, mayLoad, ended] = [promised<void>(), promised<void>(), promised<EncoderDiedError>()]
  const process = {
    pid: 1,
    ready: Promise.resolve(),
    ended: ended.promise,
    load: async (number: number) => {
      asked.resolve()
      await mayLoad.promise
      held.add(number)
      return loaded
    },
    unload: (number: number) => void held.delete(number),
    stop: async () => ended.resolve(new EncoderDiedError('stopped')),
  } as unknown as RunningEncoder
  return { process, held, asked: asked.promise, mayLoad: mayLoad.resolve, end: ended.resolve }
}

test('a snapshot that is released while the next process loads it again is not left in it', async () => {
  const [first, second] = [playedProcess(), playedProcess()]
  first.mayLoad()
  const encoder = new EncoderProcess(
    first.process,
    () => second.process,
    () => 0,
    () => {},
  )
  const [released, kept] = [await encoder.load('released'), await encoder.load('kept')]
  expect(first.held).toEqual(new Set([released.number, kept.number]))
  first.end(new EncoderDiedError('killed'))
  await second.asked
  await released.release()
  second.mayLoad()
  const later = await encoder.load('later')
  expect(second.held).toEqual(new Set([kept.number, later.number]))
  await encoder.close()
})
