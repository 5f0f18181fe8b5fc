import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Allocation } from './allocation.ts'
import { part, type Tensor } from './tensor.ts'
import { queueWrite, UploadRing } from './upload-ring.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'upload tests' })
})
afterAll(() => device.destroy())

const read = async ({ storage }: Tensor) => device.read(storage.buffer!, storage.sizeBytes, storage.offsetBytes)

function submit(flush: (encoder: GPUCommandEncoder) => void, after?: (encoder: GPUCommandEncoder) => void): void {
  const encoder = device.gpuDevice.createCommandEncoder()
  flush(encoder)
  after?.(encoder)
  device.gpuDevice.queue.submit([encoder.finish()])
}

it('brings every upload to its place in the order of submits, to the bit, and allocates nothing on the way', async () => {
  const before = device.allocatedBytes
  const memory = new Allocation(device)
  const [floats, words] = [memory.tensor('floats', 3, 8), memory.tensor('words', 1, 128)]
  const inner = part(words, 'inner', 256, 1, 4)
  const history = memory.tensor('history', 1, 24 * 9)
  const ring = new UploadRing(device, 'ring', floats.storage.sizeBytes + words.storage.sizeBytes, 2)
  const allocatedBytes = device.allocatedBytes
  // Payloads of NaN must come through as they are.
  const payload = new Float32Array(Uint32Array.of(0x7fc12345, 0xffa00001, 0x80000000, 1).buffer)
  for (let step = 0; step < 9; step++) {
    const upload = await ring.begin()
    const data = new Float32Array(24).fill(step)
    upload.write(floats, data)
    data.fill(-1)
    upload.write(words, new Uint32Array(step))
    upload.write(inner, Uint32Array.of(step, 0xffffffff, 7, step * 3))
    upload.write(part(words, 'first', 0, 1, 4), payload)
    submit(upload.flush, (encoder) =>
      encoder.copyBufferToBuffer(floats.storage.buffer!, 0, history.storage.buffer!, step * 96, 96),
    )
  }
  expect(device.allocatedBytes).toBe(allocatedBytes)
  const got = new Float32Array(await read(history))
  expect([...got]).toEqual(Array.from({ length: 24 * 9 }, (_, i) => Math.floor(i / 24)))
  const gotWords = new Uint32Array(await read(words))
  expect([...gotWords.subarray(0, 4)]).toEqual([...new Uint32Array(payload.buffer)])
  expect([...gotWords.subarray(64, 68)]).toEqual([8, 0xffffffff, 7, 24])
  ring.dispose()
  memory.dispose()
  expect(device.allocatedBytes).toBe(before)
})

it('drops an upload that was not flushed', async () => {
  const memory = new Allocation(device)
  const x = memory.tensor('x', 1, 4)
  const ring = new UploadRing(device, 'ring', 32, 2)
  const broken = await ring.begin()
  broken.write(x, Float32Array.of(1, 2, 3, 4))
  const upload = await ring.begin()
  upload.write(x, Float32Array.of(5))
  submit(upload.flush)
  expect([...new Float32Array(await read(x))]).toEqual([5, 0, 0, 0])
  ring.dispose()
  memory.dispose()
})

it('disposed of while an upload waits, says so', async () => {
  const ring = new UploadRing(device, 'ring', 32, 1)
  submit((await ring.begin()).flush)
  const waiting = ring.begin()
  ring.dispose()
  await expect(waiting).rejects.toThrow('"ring 0" was disposed of while an upload waited for it')
  await expect(ring.begin()).rejects.toThrow(RangeError)
  const unused = new UploadRing(device, 'unused', 32, 1)
  const first = unused.begin()
  unused.dispose()
  await expect(first).rejects.toThrow('"unused 0" was disposed of')
  await device.idle()
})

it('refuses more than a tensor holds, and more than it has room for', async () => {
  const memory = new Allocation(device)
  const x = memory.tensor('x', 1, 8)
  const ring = new UploadRing(device, 'ring', 32, 1)
  const upload = await ring.begin()
  expect(() => upload.write(part(x, 'half', 0, 1, 4), new Float32Array(5))).toThrow('20 bytes for "half", which has 16')
  upload.write(x, new Float32Array(7))
  expect(() => upload.write(x, new Float32Array(2))).toThrow('"x" needs 8 bytes of a staging buffer of 32')
  ring.dispose()
  memory.dispose()
})

it('writes through the queue to the same place', async () => {
  const memory = new Allocation(device)
  const x = memory.tensor('x', 1, 128)
  queueWrite(device)(part(x, 'end', 256, 1, 4), Float32Array.of(1, 2))
  expect([...new Float32Array(await read(x)).subarray(62, 68)]).toEqual([0, 0, 1, 2, 0, 0])
  memory.dispose()
})
