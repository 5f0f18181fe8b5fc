/**
 * WebGPU as the peers expect it, that is as in a browser: `navigator.gpu` and the constants. All contestants get their
 * devices from this one object, so from the same adapter of the same Dawn.
 */
import { create, globals } from 'webgpu'

/** Dawn aborts the process where this is collected while a device lives, so it stays here. */
let gpu: GPU | undefined

export function browserLikeGpu(): GPU {
  if (gpu) return gpu
  Object.assign(globalThis, globals)
  gpu = create([
    'enable-dawn-features=allow_unsafe_apis',
    'disable-dawn-features=timestamp_quantization',
  ]) as unknown as GPU
  Object.defineProperty(globalThis, 'navigator', { value: { gpu, userAgent: 'node' }, configurable: true })
  acceptSharedMemory()
  return gpu
}

/** Browsers take views of shared memory in `writeBuffer`; Dawn's binding for Node refuses them, so they are copied first. */
function acceptSharedMemory(): void {
  const { writeBuffer } = GPUQueue.prototype
  GPUQueue.prototype.writeBuffer = function (buffer, bufferOffset, data, dataOffset = 0, size) {
    const memory = ArrayBuffer.isView(data) ? data.buffer : data
    if (!(memory instanceof SharedArrayBuffer))
      return writeBuffer.call(this, buffer, bufferOffset, data, dataOffset, size)
    // Offset and size count elements of a typed array, and bytes otherwise.
    const unit = ArrayBuffer.isView(data) && 'BYTES_PER_ELEMENT' in data ? Number(data.BYTES_PER_ELEMENT) : 1
    const begin = (ArrayBuffer.isView(data) ? data.byteOffset : 0) + dataOffset * unit
    const bytes = size === undefined ? data.byteLength - dataOffset * unit : size * unit
    const copy = Uint8Array.from(new Uint8Array(memory, begin, bytes))
    return writeBuffer.call(this, buffer, bufferOffset, copy, 0, bytes)
  }
}
