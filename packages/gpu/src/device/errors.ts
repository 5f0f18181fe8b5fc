import type { Tuning } from '../kernel/kernel.ts'

/** Base of every error this package throws: `code` is stable, the message says what, where and what to do. */
export class GpuError extends Error {
  readonly code: string
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/** No WebGPU adapter answered. */
export class NoAdapterError extends GpuError {
  constructor(message: string, options?: ErrorOptions) {
    super('no-adapter', message, options)
  }
}

/** The device is gone: lost by the driver, or destroyed by its owner. */
export class DeviceLostError extends GpuError {
  readonly reason: string
  constructor(label: string, reason: string, message: string) {
    super('device-lost', `Device "${label}" was lost (${reason}): ${message || 'no further word from the driver'}.`)
    this.reason = reason
  }
}

/** WebGPU refused a command; a bug of the caller, never of the data. */
export class GpuValidationError extends GpuError {
  constructor(where: string, message: string) {
    super('validation', `WebGPU refused ${where}: ${message}`)
  }
}

/** The memory that the device may use is taken. */
export class OutOfMemoryError extends GpuError {
  constructor(what: string, why: string) {
    super(
      'out-of-memory',
      `${what}: ${why}. Release buffers, use smaller batches or tables, or raise memoryBudgetBytes.`,
    )
  }
}

/** A size is over what the device can hold, bind or dispatch. */
export class GpuLimitError extends GpuError {
  readonly value: number
  readonly limit: number
  constructor(what: string, value: number, limit: number, limitName: string) {
    super('limit', `${what} is ${value}, over the device's ${limitName} of ${limit}. Use smaller batches or tables.`)
    this.value = value
    this.limit = limit
  }
}

/** A tuning was asked for that this device cannot run. */
export class DeviceFeatureError extends GpuError {
  constructor(kernel: string, tuning: Tuning, adapter: { description: string; subgroupMinSize: number }) {
    super(
      'feature',
      `Kernel ${kernel}, tuning ${tuning.name}: needs subgroups of at least ${tuning.minSubgroupSize} lanes, which ` +
        `"${adapter.description}" (subgroups of ${adapter.subgroupMinSize} lanes) does not give. Leave the tuning out and ` +
        'one that fits is chosen.',
    )
  }
}

/** A kernel was given a shape or a buffer that it cannot work on. */
export class KernelError extends GpuError {
  readonly kernel: string
  /** The uniform or binding that is wrong. */
  readonly parameter: string
  constructor(kernel: string, parameter: string, message: string) {
    super('kernel', `Kernel ${kernel}, ${parameter}: ${message}`)
    this.kernel = kernel
    this.parameter = parameter
  }
}
