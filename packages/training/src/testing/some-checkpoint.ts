import type { GpuDevice } from '@headwater/gpu'
import type { RunState } from '../checkpoint/checkpoint-file.ts'
import type { NamedBuffer } from '../checkpoint/staged-buffers.ts'

export function someState(rounds: number): RunState {
  const training = {
    examples: 12,
    fingerprint: 34,
    steps: 5,
    trained: 6,
    known: 7,
    cutoffMs: 8.5,
    warm: false,
    random: [1, 2, 3, 4],
    roundSteps: 3,
    teacher: null,
    sums: { loss: 0.1 + 0.2, weight: 9, skipped: 1, clipped: 2 },
    pendingSteps: 3,
  }
  return { rounds, labels: ['a', 'b'], snapshot: 3, training }
}

/** A state, and two buffers of known content: the first of 1 KiB, the second of `kibibytes`. */
export function checkpointOf(device: GpuDevice, kibibytes: number, rounds = 0) {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
  const buffers: NamedBuffer[] = [1, kibibytes].map((size, i) => {
    const words = Uint32Array.from({ length: size * 256 }, (_, at) => Math.imul(at + 7 * i + rounds, 0x9e3779b1))
    const buffer = device.buffer(`buffer ${i}`, words.byteLength, usage)
    device.gpuDevice.queue.writeBuffer(buffer, 0, words)
    return { name: `buffer ${i}`, buffer }
  })
  const release = () => {
    for (const { buffer } of buffers) device.release(buffer)
  }
  return { state: someState(rounds), buffers, release }
}
