/** What a user tower takes of a device, known before anything is allocated. */
import type { GpuDevice } from '@headwater/gpu'
import type { BindingLimits } from '@headwater/kernels'
import type { Snapshot } from '@headwater/snapshot'
import { layOutUserTower } from './load-user-tower.ts'
import { measureEncoder } from './user-encoder.ts'

/** Bytes on the device; in total once every batch size was recorded. */
export interface TowerMemory {
  /** Of parameters, tables and alignment. */
  readonly weightsBytes: number
  /** Of all batch sizes: inputs, activations, uniforms, and what vectors are read back through. */
  readonly plansBytes: number
  readonly totalBytes: number
  /** The most at any moment: while plans are compiled, there are two small buffers more. */
  readonly peakBytes: number
  /** Of the largest buffer. */
  readonly largestBufferBytes: number
  /** Of the largest input or activation, which is bound at once. Weights are bound in parts that fit. */
  readonly largestBindingBytes: number
}

/** Of `Program.warm`, for a plan's two programs at once. */
const compilingBytes = 32

/** What of a device bounds a tower. `memoryBytes` is infinite where the device does not say. */
export interface DeviceRoom extends Pick<BindingLimits, 'maxBufferSize' | 'maxStorageBufferBindingSize'> {
  /** Not taken yet. */
  readonly memoryBytes: number
}

/** A device cannot hold a tower. */
export class TowerMemoryError extends Error {
  override readonly name = 'TowerMemoryError'
  readonly neededBytes: number
  readonly availableBytes: number
  readonly memory: TowerMemory

  /** @param bound as in "the device's maxBufferSize is" */
  constructor(what: string, neededBytes: number, bound: string, availableBytes: number, memory: TowerMemory) {
    super(
      `${what} needs ${neededBytes} bytes, ${bound} ${availableBytes}; the tower takes ${memory.weightsBytes} for weights and ` +
        `${memory.plansBytes} for plans. Serve it from a larger device, or train smaller tables or layers.`,
    )
    this.neededBytes = neededBytes
    this.availableBytes = availableBytes
    this.memory = memory
  }
}

/** @throws SnapshotError; ParameterSizeError, TableSizeError where a weight alone is over the limits */
export function measureTower(snapshot: Snapshot, limits: BindingLimits): TowerMemory {
  const parts = layOutUserTower(null, snapshot, limits)
  const weights = parts.alignment ? [parts.weights, parts.alignment.weights] : [parts.weights]
  const weightsBytes = weights.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const encoder = measureEncoder(parts, limits.maxBufferSize)
  return {
    weightsBytes,
    plansBytes: encoder.sizeBytes,
    totalBytes: weightsBytes + encoder.sizeBytes,
    peakBytes: weightsBytes + encoder.sizeBytes + compilingBytes,
    largestBufferBytes: Math.max(encoder.largestBytes, ...weights.map(({ largestBytes }) => largestBytes)),
    largestBindingBytes: encoder.largestBytes,
  }
}

export function roomOf(device: GpuDevice): DeviceRoom {
  const { maxBufferSize, maxStorageBufferBindingSize } = device.limits
  return { maxBufferSize, maxStorageBufferBindingSize, memoryBytes: device.memoryBudgetBytes - device.allocatedBytes }
}

/** @throws TowerMemoryError naming the first bound that the tower is over */
export function checkTowerMemory(memory: TowerMemory, room: DeviceRoom): void {
  const { peakBytes, largestBufferBytes, largestBindingBytes } = memory
  for (const [what, needed, bound, available] of [
    ['The largest buffer', largestBufferBytes, "the device's maxBufferSize is", room.maxBufferSize],
    [
      'The largest input or activation',
      largestBindingBytes,
      "the device's maxStorageBufferBindingSize is",
      room.maxStorageBufferBindingSize,
    ],
    ['The tower', peakBytes, "of the device's memory there are free", room.memoryBytes],
  ] as const)
    if (needed > available) throw new TowerMemoryError(what, needed, bound, available, memory)
}
