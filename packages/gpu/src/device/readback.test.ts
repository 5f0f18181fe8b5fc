import { expect, it } from 'vitest'
import { requestDevice } from './device.ts'
import { DeviceLostError } from './errors.ts'
import { Readback } from './readback.ts'

it('reads again and again through one buffer, and knows when its device is gone', async () => {
  const device = await requestDevice({ label: 'readback' })
  const source = device.buffer('source', 64, GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST)
  const before = device.allocatedBytes
  const readback = new Readback(device, 'source', 64)
  const copy = (sizeBytes: number) => {
    const encoder = device.gpuDevice.createCommandEncoder()
    readback.copy(encoder, source, sizeBytes)
    device.gpuDevice.queue.submit([encoder.finish()])
    return readback.take(sizeBytes)
  }
  const results: number[][] = []
  for (const values of [
    [1, 2, 3],
    [4, 5, 6],
  ]) {
    device.gpuDevice.queue.writeBuffer(source, 0, Float32Array.from(values))
    results.push([...new Float32Array(await copy(12))])
  }
  expect(results).toEqual([
    [1, 2, 3],
    [4, 5, 6],
  ])
  expect((await copy(64)).byteLength).toBe(64)
  readback.dispose()
  expect(device.allocatedBytes).toBe(before)

  const last = new Readback(device, 'source', 64)
  const encoder = device.gpuDevice.createCommandEncoder()
  last.copy(encoder, source, 64)
  device.gpuDevice.queue.submit([encoder.finish()])
  const pending = last.take(64)
  device.destroy()
  await expect(pending).rejects.toThrow(DeviceLostError)
})
