import type { GpuDevice } from '../device/device.ts'
import { GpuError } from '../device/errors.ts'
import type { Dispatch } from './dispatch.ts'
import type { KernelProfile } from './kernel-profile.ts'

interface Step {
  readonly dispatch: Dispatch
  readonly bindGroup: GPUBindGroup
}

/** Copies to be encoded along with the dispatches: uploads before them, results behind them. */
export interface SubmitOptions {
  readonly before?: (encoder: GPUCommandEncoder) => void
  readonly after?: (encoder: GPUCommandEncoder) => void
}

const uniformAlignment = 256

/** Bytes of uniforms that a program of so many dispatches holds on the device. */
export const uniformBytesOf = (dispatches: number): number => Math.max(1, dispatches) * uniformAlignment

/** A fixed list of dispatches: uniforms uploaded and bind groups made once, then replayed with one submit. */
export class Program {
  readonly device: GpuDevice
  readonly dispatches: readonly Dispatch[]
  #steps: Step[]
  #uniforms: GPUBuffer
  #ran = false
  #disposed = false

  constructor(device: GpuDevice, dispatches: readonly Dispatch[], label: string) {
    this.device = device
    this.dispatches = dispatches
    this.#uniforms = device.buffer(
      `uniforms of ${label}`,
      uniformBytesOf(dispatches.length),
      GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    )
    this.#steps = dispatches.map((dispatch, index) => {
      const entries: GPUBindGroupEntry[] = dispatch.buffers.map(({ buffer, offset, size }, binding) => ({
        binding,
        resource: { buffer, offset, size },
      }))
      if (dispatch.uniforms) {
        if (dispatch.uniforms.byteLength > uniformAlignment)
          throw new GpuError(
            'uniforms',
            `Kernel ${dispatch.kernel} has more than ${uniformAlignment} bytes of uniforms.`,
          )
        const offset = index * uniformAlignment
        device.gpuDevice.queue.writeBuffer(this.#uniforms, offset, dispatch.uniforms)
        entries.push({
          binding: entries.length,
          resource: { buffer: this.#uniforms, offset, size: dispatch.uniforms.byteLength },
        })
      }
      const bindGroup = device.gpuDevice.createBindGroup({
        label: `${label}: ${dispatch.kernel} ${JSON.stringify(dispatch.shape)}`,
        layout: dispatch.pipeline.getBindGroupLayout(0),
        entries,
      })
      return { dispatch, bindGroup }
    })
  }

  /**
   * Has the driver compile every pipeline that has not run yet, one after another, which many do only at the first
   * dispatch. Nothing is computed: the dispatches have 0 workgroups, given by a buffer, as a driver may skip a literal 0.
   * Ends early where the program is disposed of meanwhile.
   * @throws the signal's reason, between two pipelines
   */
  async warm(signal?: AbortSignal): Promise<void> {
    const once = new Map(this.#steps.map((step) => [step.dispatch.pipeline, step]))
    const none = this.device.buffer('no workgroups', 12, GPUBufferUsage.INDIRECT)
    try {
      for (const [pipeline, step] of once) {
        signal?.throwIfAborted()
        if (this.#disposed || this.device.isCompiled(pipeline)) continue
        this.device.compiles(pipeline, true)
        const encoder = this.device.gpuDevice.createCommandEncoder()
        const pass = encoder.beginComputePass()
        pass.setPipeline(pipeline)
        pass.setBindGroup(0, step.bindGroup)
        pass.dispatchWorkgroupsIndirect(none, 0)
        pass.end()
        this.device.gpuDevice.queue.submit([encoder.finish()])
        await this.device.idle()
      }
      await this.device.idle()
    } finally {
      this.device.release(none)
    }
  }

  /** Encodes and submits all dispatches in one pass. */
  submit(around: SubmitOptions = {}): void {
    this.device.check()
    if (!this.#ran) for (const { pipeline } of this.dispatches) this.device.compiles(pipeline, false)
    this.#ran = true
    const encoder = this.device.gpuDevice.createCommandEncoder()
    around.before?.(encoder)
    const pass = encoder.beginComputePass()
    let current: GPUComputePipeline | null = null
    for (const { dispatch, bindGroup } of this.#steps) {
      const { pipeline, workgroups } = dispatch
      if (pipeline !== current) pass.setPipeline(pipeline)
      current = pipeline
      pass.setBindGroup(0, bindGroup)
      // Spelled out: spread and destructuring of an array go through its iterator.
      pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2])
    }
    pass.end()
    around.after?.(encoder)
    this.device.gpuDevice.queue.submit([encoder.finish()])
  }

  /**
   * Runs once with a timestamp before and after each dispatch (a pass each) and adds to `profile`.
   * Without `timestamp-query` each dispatch is submitted alone and timed by the wall clock.
   * @returns milliseconds inside kernels and of the whole run.
   */
  async profile(profile: Map<string, KernelProfile>): Promise<{ kernelMs: number; wallMs: number }> {
    const timesMs = this.device.features.has('timestamp-query') ? await this.#byTimestamps() : await this.#byWallClock()
    let kernelMs = 0
    for (const [index, { dispatch }] of this.#steps.entries()) {
      const entry = profile.get(dispatch.kernel) ?? { kernel: dispatch.kernel, count: 0, timeMs: 0, flops: 0, bytes: 0 }
      entry.count++
      entry.timeMs += timesMs.kernels[index]!
      entry.flops += dispatch.flops
      entry.bytes += dispatch.bytes
      profile.set(dispatch.kernel, entry)
      kernelMs += timesMs.kernels[index]!
    }
    return { kernelMs, wallMs: timesMs.wallMs }
  }

  async #byTimestamps(): Promise<{ kernels: number[]; wallMs: number }> {
    const { gpuDevice } = this.device
    const count = this.#steps.length * 2
    const querySet = gpuDevice.createQuerySet({ type: 'timestamp', count })
    const resolved = this.device.buffer('timestamps', count * 8, GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC)
    try {
      const startMs = performance.now()
      const encoder = gpuDevice.createCommandEncoder()
      for (const [index, step] of this.#steps.entries())
        encodeStep(encoder, step, {
          timestampWrites: { querySet, beginningOfPassWriteIndex: index * 2, endOfPassWriteIndex: index * 2 + 1 },
        })
      encoder.resolveQuerySet(querySet, 0, count, resolved, 0)
      gpuDevice.queue.submit([encoder.finish()])
      await this.device.idle()
      const wallMs = performance.now() - startMs
      const stamps = new BigUint64Array(await this.device.read(resolved))
      return { kernels: this.#steps.map((_, i) => Number(stamps[i * 2 + 1]! - stamps[i * 2]!) / 1e6), wallMs }
    } finally {
      querySet.destroy()
      this.device.release(resolved)
    }
  }

  async #byWallClock(): Promise<{ kernels: number[]; wallMs: number }> {
    const kernels: number[] = []
    const startMs = performance.now()
    for (const step of this.#steps) {
      const beginMs = performance.now()
      const encoder = this.device.gpuDevice.createCommandEncoder()
      encodeStep(encoder, step)
      this.device.gpuDevice.queue.submit([encoder.finish()])
      await this.device.idle()
      kernels.push(performance.now() - beginMs)
    }
    return { kernels, wallMs: performance.now() - startMs }
  }

  dispose(): void {
    this.#disposed = true
    this.device.release(this.#uniforms)
  }
}

function encodeStep(encoder: GPUCommandEncoder, { dispatch, bindGroup }: Step, of?: GPUComputePassDescriptor): void {
  const pass = encoder.beginComputePass(of)
  pass.setPipeline(dispatch.pipeline)
  pass.setBindGroup(0, bindGroup)
  pass.dispatchWorkgroups(...dispatch.workgroups)
  pass.end()
}
