import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { temporaryDirectory } from '@headwater/testkit'
import { fuzz } from '@headwater/testkit/fuzz'
import { describe, expect, test } from 'vitest'
import { type Frame, FrameError, FrameReader, maxPayloadBytes, writeFrame } from './frames.ts'

/** What a frame is on the wire, written down a second time. */
function bytesOf({ kind, call, snapshot, rows, payload }: Frame): Buffer {
  const view = new DataView(new ArrayBuffer(20))
  for (const [i, value] of [payload.length, kind, call, snapshot, rows].entries()) view.setUint32(4 * i, value, true)
  return Buffer.concat([new Uint8Array(view.buffer), payload])
}

/** Both ends of a socket as it is between processes. */
async function socketPair(): Promise<[Socket, Socket]> {
  const path = join(temporaryDirectory(), 'socket')
  const server = createServer().listen(path)
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const one = connect(path)
  const [other] = (await accepted) as [Socket]
  server.close()
  return [one, other]
}

describe('frames', () => {
  test('are put together whatever pieces they come in', () =>
    fuzz(
      (random) => ({ frames: 1 + random.nextBelow(5), pieceBytes: 1 + random.nextBelow(60) }),
      (shape, random) => {
        const number = () => random.nextBelow(2 ** 31) * 2 + 1
        const frames: Frame[] = Array.from({ length: shape.frames }, () => ({
          kind: random.nextBelow(8),
          call: number(),
          snapshot: number(),
          rows: number(),
          payload: Uint8Array.from({ length: random.nextBelow(3) * random.nextBelow(40) }, () => random.nextBelow(256)),
        }))
        const read: Frame[] = []
        const reader = new FrameReader((frame) => read.push(frame))
        const stream = Buffer.concat(frames.map(bytesOf))
        for (let at = 0; at < stream.length; ) {
          const piece = Buffer.from(stream.subarray(at, at + 1 + random.nextBelow(shape.pieceBytes)))
          reader.push(piece)
          at += piece.length
          // The reader must keep nothing of it.
          piece.fill(0xff)
        }
        expect(read).toEqual(frames)
        for (const { payload } of read) expect(payload.byteOffset).toBe(0)
      },
    ))

  test('of a length that nobody writes are refused before memory is taken', () => {
    const head = Buffer.alloc(20)
    head.writeUInt32LE(maxPayloadBytes + 1)
    expect(() => new FrameReader(() => {}).push(head)).toThrow(FrameError)
  })

  test('go over a socket from parts of any type and offset, larger than its buffer, and not beyond the bound', async () => {
    const [from, to] = await socketPair()
    const read: Frame[] = []
    const reader = new FrameReader((frame) => read.push(frame))
    to.on('data', (piece: Buffer) => reader.push(piece))
    const words = Uint32Array.from({ length: 500_000 }, (_, i) => i * 7919)
    const parts = [words.subarray(3), new Float32Array(0), Uint8Array.of(1, 2, 3).subarray(1)]
    const head = { kind: 3, call: 9, snapshot: 2, rows: 5 }
    writeFrame(from, head, parts)
    writeFrame(from, { ...head, call: 10 })
    expect(() => writeFrame(from, head, [new Uint8Array(maxPayloadBytes), new Uint8Array(1)])).toThrow(RangeError)
    from.end()
    await once(to, 'end')
    const payload = new Uint8Array([...new Uint8Array(words.buffer, 12), 2, 3])
    expect(read.map(({ call }) => call)).toEqual([9, 10])
    expect(read[0]).toMatchObject(head)
    expect(Buffer.compare(read[0].payload, payload)).toBe(0)
    expect(read[1].payload).toHaveLength(0)
    to.destroy()
  })
})
