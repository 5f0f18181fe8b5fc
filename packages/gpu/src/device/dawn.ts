/** Where devices come from in Node. In a browser `browser-gpu.ts` stands for it: `imports` of the manifest chooses. */
import { totalmem } from 'node:os'
import { NoAdapterError } from './errors.ts'

// Dawn aborts the process when the object of `create()` is collected while a device of it lives, so instances stay here.
const instances = new Map<string, GPU>()

const defaultOptions = ['disable-dawn-features=timestamp_quantization']

export const noAdapter =
  'No WebGPU adapter was found: this machine has no Vulkan, Metal or D3D12 driver that the WebGPU binding can load. Install a GPU ' +
  'driver, or a software one (mesa-vulkan-drivers); in a checkout of Headwater `npm run setup` brings that one into the project.'

/** Memory of this machine, which a software adapter shares. */
export const hostMemoryBytes = (): number => totalmem()

/**
 * Dawn's `GPU` for Node, one a process and set of options. The only place that imports Dawn.
 * @param options Dawn's `key=value` strings, for instance `backend=null` to compile WGSL without a driver. By default
 * timestamps come unrounded: rounding to 65 µs, meant against fingerprinting in browsers, would hide small kernels.
 * @throws NoAdapterError where Dawn does not load
 */
export async function ownGpu(options: readonly string[] = defaultOptions): Promise<GPU> {
  const key = options.join(' ')
  let gpu = instances.get(key)
  if (!gpu) {
    const { create, globals } = await binding()
    Object.assign(globalThis, globals)
    gpu = create([...options]) as unknown as GPU
    instances.set(key, gpu)
  }
  return gpu
}

async function binding() {
  try {
    return await import('webgpu')
  } catch (cause) {
    throw new NoAdapterError(
      `The package webgpu, Dawn for Node, does not load on ${process.platform}-${process.arch} with Node ${process.version}. It ` +
        'needs Linux with glibc 2.34 or newer, macOS or Windows: install again there, or serve the tower as ONNX (docs/onnx.md).',
      { cause },
    )
  }
}
