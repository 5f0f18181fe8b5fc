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
  constructor() {
    super(
      'no-adapter',
      'No WebGPU adapter was found: this machine has no Vulkan, Metal or D3D12 driver that the WebGPU binding can load. ' +
        'Run `npm run setup` to bring the software driver into the project, or install a GPU driver.',
    )
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

/** A size is over what the device (or this machine's memory) can hold. */
export class GpuLimitError extends GpuError {
  constructor(what: string, value: number, limit: number, limitName: string) {
    super('limit', `${what} is ${value}, over the device's ${limitName} of ${limit}. Use smaller batches or tables.`)
  }
}

/** A kernel was given a shape or a buffer that it cannot work on. */
export class KernelError extends GpuError {
  constructor(kernel: string, parameter: string, message: string) {
    super('kernel', `Kernel ${kernel}, ${parameter}: ${message}`)
  }
}
