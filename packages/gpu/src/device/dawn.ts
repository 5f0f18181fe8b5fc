import { totalmem } from 'node:os'
import { create, globals } from 'webgpu'

// Dawn aborts the process when the object of `create()` is collected while a device of it lives, so instances stay here.
const instances = new Map<string, GPU>()

const defaultOptions = ['disable-dawn-features=timestamp_quantization']

/** Memory of this machine, which a software adapter shares. */
export const hostMemoryBytes = totalmem

/**
 * Dawn's `GPU` for Node, one a process and set of options. The only place that imports Dawn.
 * @param options Dawn's `key=value` strings, for instance `backend=null` to compile WGSL without a driver. By default
 * timestamps come unrounded: rounding to 65 µs, meant against fingerprinting in browsers, would hide small kernels.
 */
export function dawn(options: readonly string[] = defaultOptions): GPU {
  const key = options.join(' ')
  let gpu = instances.get(key)
  if (!gpu) {
    Object.assign(globalThis, globals)
    gpu = create([...options]) as unknown as GPU
    instances.set(key, gpu)
  }
  return gpu
}
