import { type AnyKernel, type Binding, type Kernel, resolveWgsl, type Shape, type Tuning } from '../kernel/kernel.ts'
import { BufferPool } from './buffer-pool.ts'
import { DeviceLostError, GpuLimitError, GpuValidationError, NoAdapterError, OutOfMemoryError } from './errors.ts'
import { beginWait } from './patient-polls.ts'
import tuningTable from './tuning-table.json' with { type: 'json' }

export interface DeviceOptions {
  /** A `GPU` to ask. Default: Dawn in this process, `navigator.gpu` in a browser. */
  gpu?: GPU
  /** Dawn's own options where `gpu` is absent: `['backend=null']` compiles WGSL without a driver and never executes. */
  dawn?: readonly string[]
  label?: string
  /** Asked for only where the adapter has them. Default: all that a tuning of the library or the profiler can use. */
  features?: readonly string[]
  /**
   * Bytes of buffers over which {@link GpuDevice.buffer} refuses: drivers overcommit and report nothing. Default: three
   * quarters of the machine's memory where the adapter is software, unlimited elsewhere.
   */
  memoryBudgetBytes?: number
}

export interface AdapterDescription {
  readonly vendor: string
  readonly architecture: string
  readonly device: string
  readonly description: string
  readonly software: boolean
  /** Lanes; 0 where the adapter does not say. */
  readonly subgroupMinSize: number
  readonly subgroupMaxSize: number
}

/** What was asked of the adapter, what it had, and what the device got. */
export interface DeviceReport {
  readonly adapter: AdapterDescription
  readonly adapterClass: string
  readonly features: {
    readonly asked: readonly string[]
    readonly had: readonly string[]
    readonly used: readonly string[]
  }
}

const wantedFeatures: readonly string[] = ['subgroups', 'timestamp-query']
const wantedLimits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupStorageSize',
] as const

/** A device with its pipelines: asks for what the adapter has, caches by resolved WGSL, and turns every failure into a typed error. */
export class GpuDevice {
  readonly label: string
  readonly gpuDevice: GPUDevice
  readonly adapter: AdapterDescription
  readonly features: ReadonlySet<string>
  readonly limits: GPUSupportedLimits
  readonly report: DeviceReport
  /** Buffers for staging and scratch. */
  readonly pool: BufferPool
  /** Bytes of buffers over which {@link GpuDevice.buffer} refuses; infinite where the device does not say. */
  readonly memoryBudgetBytes: number
  /** Called before the driver compiles a pipeline for {@link Program.warm}: which one, from 1, of how many so far. */
  onCompile: ((number: number, total: number) => void) | null = null
  /** That ran once, so that the driver has their code. */
  readonly #compiled = new Set<GPUComputePipeline>()
  readonly #owned = new WeakSet<GPUBuffer>()
  readonly #pipelines = new Map<string, GPUComputePipeline>()
  readonly #layouts = new Map<string, GPUBindGroupLayout>()
  #aliveBytes = 0
  /** Made under `allOrNothing` so far; null outside of it. */
  #made: GPUBuffer[] | null = null
  #failure: Error | null = null

  /** Use {@link requestDevice}. */
  constructor(gpuDevice: GPUDevice, report: DeviceReport, label: string, memoryBudgetBytes: number) {
    this.gpuDevice = gpuDevice
    this.report = report
    this.adapter = report.adapter
    this.label = label
    this.memoryBudgetBytes = memoryBudgetBytes
    this.pool = new BufferPool(this)
    this.features = new Set([...gpuDevice.features])
    this.limits = gpuDevice.limits
    gpuDevice.lost.then((info) => {
      this.#failure ??= new DeviceLostError(label, info.reason ?? 'unknown', info.message)
    })
    gpuDevice.onuncapturederror = ({ error }) => {
      this.#failure ??=
        error.constructor.name === 'GPUOutOfMemoryError'
          ? new OutOfMemoryError(`A command on device "${label}"`, error.message)
          : new GpuValidationError(`a command on device "${label}"`, error.message)
    }
  }

  /** The name under which the tuning table keeps what was measured: vendor/architecture/driver. */
  get adapterClass(): string {
    return this.report.adapterClass
  }

  /** Bytes of the buffers in use. */
  get allocatedBytes(): number {
    return this.#aliveBytes - this.pool.freeBytes
  }

  /** True for the buffers that this device made and still holds. */
  owns(buffer: GPUBuffer): boolean {
    return this.#owned.has(buffer)
  }

  /** @throws the first failure of the device: {@link DeviceLostError}, {@link GpuValidationError}. Lost devices are otherwise silent. */
  check(): void {
    if (this.#failure) throw this.#failure
  }

  /** Whether a tuning can run here, and on that shape. */
  supports({ minSubgroupSize, fits }: Tuning, shape?: Shape): boolean {
    if (shape && fits && !fits(shape)) return false
    return !minSubgroupSize || (this.features.has('subgroups') && this.adapter.subgroupMinSize >= minSubgroupSize)
  }

  /** The tuning measured best on this adapter class for shapes of this bucket, or the kernel's first. */
  tuning<S extends Shape, B extends string, T extends Tuning>(kernel: Kernel<S, B, T>, shape: S): T {
    const measured = (tuningTable as TuningTable)[this.adapterClass]?.[kernel.name]
    const name = measured?.[kernel.bucket?.(shape) ?? '']
    const chosen = kernel.tunings.find((t) => t.name === name)
    return chosen && this.supports(chosen, shape) ? chosen : kernel.tunings[0]!
  }

  /** The pipeline of a kernel, made once for each resolved WGSL. */
  pipeline(kernel: AnyKernel, tuning: Tuning): GPUComputePipeline {
    const code = resolveWgsl(kernel, tuning)
    let pipeline = this.#pipelines.get(code)
    if (!pipeline) {
      const label = `${kernel.name}/${tuning.name}`
      pipeline = this.gpuDevice.createComputePipeline({
        label,
        layout: this.gpuDevice.createPipelineLayout({ label, bindGroupLayouts: [this.#layout(kernel)] }),
        compute: { module: this.gpuDevice.createShaderModule({ label, code }), entryPoint: 'main' },
      })
      this.#pipelines.set(code, pipeline)
    }
    return pipeline
  }

  /** Whether a pipeline ran once, so that its next dispatch does not wait for the driver to compile it. */
  isCompiled(pipeline: GPUComputePipeline): boolean {
    return this.#compiled.has(pipeline)
  }

  /** To be called before a pipeline runs. @param isTold whether it runs only to be compiled */
  compiles(pipeline: GPUComputePipeline, isTold: boolean): void {
    if (isTold) this.onCompile?.(this.#compiled.size + 1, this.#pipelines.size)
    this.#compiled.add(pipeline)
  }

  /** From the declaration, not from what the WGSL happens to use: a tuning may leave a binding unread. */
  #layout(kernel: AnyKernel): GPUBindGroupLayout {
    const accesses = Object.values(kernel.bindings as Record<string, Binding>).map(({ access }) => access)
    const types: GPUBufferBindingType[] = accesses.map((a) => (a === 'read' ? 'read-only-storage' : 'storage'))
    if (Object.keys(kernel.uniforms).length > 0) types.push('uniform')
    const label = types.join()
    let layout = this.#layouts.get(label)
    if (!layout) {
      const entries = types.map((type, binding) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } }))
      layout = this.gpuDevice.createBindGroupLayout({ label, entries })
      this.#layouts.set(label, layout)
    }
    return layout
  }

  /**
   * A zeroed buffer. It may be larger than one binding may be: bind a {@link BufferRange} of it then.
   * @param sizeBytes rounded up to 16; at least 16.
   * @throws GpuLimitError where the device cannot hold it, OutOfMemoryError where the budget is used up. (Drivers
   * overcommit and never report it themselves.)
   */
  buffer(label: string, sizeBytes: number, usage: GPUBufferUsageFlags): GPUBuffer {
    this.check()
    const size = Math.max(16, Math.ceil(sizeBytes / 16) * 16)
    if (size > this.limits.maxBufferSize)
      throw new GpuLimitError(`buffer "${label}", in bytes,`, size, this.limits.maxBufferSize, 'maxBufferSize')
    if (this.#aliveBytes + size > this.memoryBudgetBytes) this.pool.clear()
    if (this.#aliveBytes + size > this.memoryBudgetBytes)
      throw new OutOfMemoryError(
        `Buffer "${label}"`,
        `needs ${size} bytes while ${this.#aliveBytes} of the device's ${this.memoryBudgetBytes} are taken`,
      )
    const buffer = this.gpuDevice.createBuffer({ label, size, usage })
    this.#owned.add(buffer)
    this.#aliveBytes += size
    this.#made?.push(buffer)
    return buffer
  }

  /** Calls `make`, which waits for nothing. Where it throws, the buffers that it made are released. May be nested. */
  allOrNothing<Result>(make: () => Result): Result {
    const outer = this.#made
    const made: GPUBuffer[] = []
    this.#made = made
    try {
      const result = make()
      outer?.push(...made)
      return result
    } catch (cause) {
      for (const buffer of made) this.release(buffer)
      throw cause
    } finally {
      this.#made = outer
    }
  }

  release(buffer: GPUBuffer): void {
    if (!this.#owned.delete(buffer)) return
    this.#aliveBytes -= buffer.size
    buffer.destroy()
  }

  /** Copies `sizeBytes` (a multiple of 4) out of a buffer; waits for all that was submitted before. */
  async read(source: GPUBuffer, sizeBytes = source.size, offsetBytes = 0): Promise<ArrayBuffer> {
    const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ
    const staging = this.pool.take(`read ${source.label}`, sizeBytes, usage)
    try {
      const encoder = this.gpuDevice.createCommandEncoder()
      encoder.copyBufferToBuffer(source, offsetBytes, staging, 0, sizeBytes)
      this.gpuDevice.queue.submit([encoder.finish()])
      await this.map(staging, GPUMapMode.READ, sizeBytes)
      const data = staging.getMappedRange(0, sizeBytes).slice(0)
      staging.unmap()
      this.pool.give(staging)
      return data
    } catch (cause) {
      this.release(staging)
      throw cause
    }
  }

  /** Waits until the host may read or write the first bytes of a buffer. @throws what {@link GpuDevice.check} throws */
  async map(buffer: GPUBuffer, mode: GPUMapModeFlags, sizeBytes = buffer.size): Promise<void> {
    await beginWait(() => buffer.mapAsync(mode, 0, sizeBytes)).catch((cause: unknown) => {
      // Where the device failed, that is the reason.
      this.check()
      throw cause
    })
    this.check()
  }

  /** Resolves when everything submitted so far has run. */
  async idle(): Promise<void> {
    await beginWait(() => this.gpuDevice.queue.onSubmittedWorkDone())
    this.check()
  }

  /** Frees the device; later calls throw {@link DeviceLostError}. */
  destroy(): void {
    this.#failure ??= new DeviceLostError(this.label, 'destroyed', 'its owner called destroy()')
    this.gpuDevice.destroy()
  }
}

/** Adapter class → kernel → bucket of shapes → name of the tuning measured best. */
export type TuningTable = {
  readonly [adapterClass: string]: { readonly [kernel: string]: { readonly [bucket: string]: string } }
}

/** Driver and, of its version, what decides how code is generated: "llvmpipe", "swiftshader", "nvidia-555". */
function driverOf({ description, device }: GPUAdapterInfo): string {
  const text = `${description} ${device}`.toLowerCase()
  const [name] = /llvmpipe|swiftshader|radv|anv|nvk|amdvlk|warp/.exec(text) ?? []
  const [, version] = /nvidia.*?(\d{3})\.\d+/.exec(text) ?? []
  return name ?? (version ? `nvidia-${version}` : 'default')
}

/**
 * A device on the machine's best adapter.
 * @throws NoAdapterError when there is none.
 */
export async function requestDevice(options: DeviceOptions = {}): Promise<GpuDevice> {
  const own = options.gpu ? null : await import('#gpu')
  const gpu = options.gpu ?? (await own!.ownGpu(options.dawn))
  // An adapter is used up by one requestDevice, so each device asks for its own.
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (!adapter)
    throw new NoAdapterError(own?.noAdapter ?? 'The `GPU` that was given has no adapter: look at its driver.')
  const label = options.label ?? 'headwater'
  const asked = options.features ?? wantedFeatures
  const requiredFeatures = asked.filter((feature) => adapter.features.has(feature)) as GPUFeatureName[]
  const requiredLimits = Object.fromEntries(wantedLimits.map((name) => [name, adapter.limits[name]]))
  const device = await adapter.requestDevice({ label, requiredFeatures, requiredLimits })
  const { info } = adapter
  const { vendor, architecture, description: text, subgroupMinSize = 0, subgroupMaxSize = 0 } = info
  const software = /llvmpipe|swiftshader|software/i.test(`${architecture} ${text}`)
  const lanes = { subgroupMinSize, subgroupMaxSize }
  const description = { vendor, architecture, device: info.device, description: text, software, ...lanes }
  const report: DeviceReport = {
    adapter: description,
    adapterClass: `${info.vendor}/${info.architecture}/${driverOf(info)}`,
    features: { asked, had: [...adapter.features].sort(), used: [...device.features].sort() },
  }
  const hostBudget = description.software && own ? own.hostMemoryBytes() * 0.75 : Number.POSITIVE_INFINITY
  return new GpuDevice(device, report, label, options.memoryBudgetBytes ?? hostBudget)
}
