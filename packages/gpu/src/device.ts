import { DeviceLostError, GpuLimitError, GpuValidationError, NoAdapterError } from './errors.ts'
import { type AnyKernel, type Kernel, resolveWgsl, type Shape, type Tuning, type TuningNeeds } from './kernel.ts'
import tuningTable from './tuning-table.json' with { type: 'json' }

export interface DeviceOptions {
  /** A `GPU` to ask, a browser's `navigator.gpu` for instance. Default: Dawn in this process. */
  gpu?: GPU
  /** Dawn's own options where `gpu` is absent: `['backend=null']` compiles WGSL without a driver and never executes. */
  dawn?: readonly string[]
  label?: string
  /** Asked for only where the adapter has them. Default: subgroups, timestamp-query, shader-f16. */
  features?: readonly GPUFeatureName[]
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

const wantedFeatures: readonly GPUFeatureName[] = ['subgroups', 'timestamp-query', 'shader-f16']
const wantedLimits = ['maxBufferSize', 'maxStorageBufferBindingSize'] as const

/** A device with its pipelines: asks for what the adapter has, caches by resolved WGSL, and turns every failure into a typed error. */
export class GpuDevice {
  readonly label: string
  readonly gpuDevice: GPUDevice
  readonly adapter: AdapterDescription
  readonly features: ReadonlySet<string>
  readonly limits: GPUSupportedLimits
  /** Bytes of the buffers that are alive. */
  allocatedBytes = 0
  #pipelines = new Map<string, GPUComputePipeline>()
  #failure: Error | null = null
  #destroyed = false

  constructor(gpuDevice: GPUDevice, adapter: AdapterDescription, label: string) {
    this.gpuDevice = gpuDevice
    this.adapter = adapter
    this.label = label
    this.features = new Set([...gpuDevice.features])
    this.limits = gpuDevice.limits
    gpuDevice.lost.then((info) => {
      this.#failure ??= new DeviceLostError(label, info.reason ?? 'unknown', info.message)
    })
    gpuDevice.onuncapturederror = (event) => {
      this.#failure ??= new GpuValidationError(`a command on device "${label}"`, event.error.message)
    }
  }

  /** Vendor and architecture, the name under which the tuning table keeps what was measured. */
  get adapterClass(): string {
    return `${this.adapter.vendor}/${this.adapter.architecture}`
  }

  /** @throws the first failure of the device: {@link DeviceLostError}, {@link GpuValidationError}. Lost devices are otherwise silent. */
  check(): void {
    if (this.#failure) throw this.#failure
  }

  supports(needs: TuningNeeds | undefined): boolean {
    if (!needs) return true
    return (
      (needs.features ?? []).every((feature) => this.features.has(feature)) &&
      this.adapter.subgroupMinSize >= (needs.minSubgroupSize ?? 0)
    )
  }

  /** The tuning measured best on this adapter class, or the kernel's first. */
  tuning<S extends Shape, B extends string, T extends Tuning>(kernel: Kernel<S, B, T>): T {
    const table: Record<string, Record<string, string>> = tuningTable
    const name = table[this.adapterClass]?.[kernel.name]
    const chosen = kernel.tunings.find((t) => t.name === name)
    return chosen && this.supports(chosen.needs) ? chosen : kernel.tunings[0]!
  }

  pipeline(kernel: AnyKernel, tuning: Tuning): GPUComputePipeline {
    const code = resolveWgsl(kernel, tuning)
    let pipeline = this.#pipelines.get(code)
    if (!pipeline) {
      const label = `${kernel.name}/${tuning.name}`
      pipeline = this.gpuDevice.createComputePipeline({
        label,
        layout: 'auto',
        compute: { module: this.gpuDevice.createShaderModule({ label, code }), entryPoint: 'main' },
      })
      this.#pipelines.set(code, pipeline)
    }
    return pipeline
  }

  /**
   * @param sizeBytes rounded up to 16; at least 16.
   * @throws GpuLimitError where the device cannot hold or bind it. (Drivers overcommit and never report it themselves.)
   */
  buffer(label: string, sizeBytes: number, usage: GPUBufferUsageFlags): GPUBuffer {
    this.check()
    const size = Math.max(16, Math.ceil(sizeBytes / 16) * 16)
    if (size > this.limits.maxBufferSize)
      throw new GpuLimitError(`buffer "${label}", in bytes,`, size, this.limits.maxBufferSize, 'maxBufferSize')
    if (usage & GPUBufferUsage.STORAGE && size > this.limits.maxStorageBufferBindingSize)
      throw new GpuLimitError(
        `storage "${label}", in bytes,`,
        size,
        this.limits.maxStorageBufferBindingSize,
        'maxStorageBufferBindingSize',
      )
    const buffer = this.gpuDevice.createBuffer({ label, size, usage })
    this.allocatedBytes += size
    return buffer
  }

  release(buffer: GPUBuffer): void {
    this.allocatedBytes -= buffer.size
    buffer.destroy()
  }

  /** Copies `sizeBytes` (a multiple of 4) out of a buffer; waits for all that was submitted before. */
  async read(source: GPUBuffer, sizeBytes = source.size, offsetBytes = 0): Promise<ArrayBuffer> {
    const staging = this.buffer(`read ${source.label}`, sizeBytes, GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ)
    try {
      const encoder = this.gpuDevice.createCommandEncoder()
      encoder.copyBufferToBuffer(source, offsetBytes, staging, 0, sizeBytes)
      this.gpuDevice.queue.submit([encoder.finish()])
      await staging.mapAsync(GPUMapMode.READ, 0, sizeBytes).catch((cause: unknown) => {
        this.check()
        throw cause
      })
      this.check()
      return staging.getMappedRange(0, sizeBytes).slice(0)
    } finally {
      this.release(staging)
    }
  }

  /** Resolves when everything submitted so far has run. */
  async idle(): Promise<void> {
    await this.gpuDevice.queue.onSubmittedWorkDone()
    this.check()
  }

  /** Frees the device; later calls throw {@link DeviceLostError}. */
  destroy(): void {
    if (this.#destroyed) return
    this.#destroyed = true
    this.#failure ??= new DeviceLostError(this.label, 'destroyed', 'its owner called destroy()')
    this.gpuDevice.destroy()
  }
}

/**
 * A device on the machine's best adapter.
 * @throws NoAdapterError when there is none.
 */
export async function requestDevice(options: DeviceOptions = {}): Promise<GpuDevice> {
  const gpu = options.gpu ?? (await import('./dawn.ts')).dawn(options.dawn)
  // An adapter is used up by one requestDevice, so each device asks for its own.
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (!adapter) throw new NoAdapterError()
  const label = options.label ?? 'headwater'
  const requiredFeatures = (options.features ?? wantedFeatures).filter((feature) => adapter.features.has(feature))
  const requiredLimits = Object.fromEntries(wantedLimits.map((name) => [name, adapter.limits[name]]))
  const device = await adapter.requestDevice({ label, requiredFeatures, requiredLimits })
  const { info } = adapter
  return new GpuDevice(
    device,
    {
      vendor: info.vendor,
      architecture: info.architecture,
      device: info.device,
      description: info.description,
      software: /llvmpipe|swiftshader|software/i.test(`${info.architecture} ${info.description}`),
      subgroupMinSize: info.subgroupMinSize ?? 0,
      subgroupMaxSize: info.subgroupMaxSize ?? 0,
    },
    label,
  )
}
