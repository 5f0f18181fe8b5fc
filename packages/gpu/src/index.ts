export { BufferPool, sizeClass } from './device/buffer-pool.ts'
export {
  type AdapterDescription,
  type DeviceOptions,
  type DeviceReport,
  GpuDevice,
  requestDevice,
  type TuningTable,
} from './device/device.ts'
export {
  DeviceFeatureError,
  DeviceLostError,
  GpuError,
  GpuLimitError,
  GpuValidationError,
  KernelError,
  NoAdapterError,
  OutOfMemoryError,
} from './device/errors.ts'
export { expectedMs, Pacer } from './device/pacer.ts'
export { Readback } from './device/readback.ts'
export {
  type AnyKernel,
  type Arrays,
  type Binding,
  bytesPerElement,
  type ElementType,
  type Gradient,
  type Kernel,
  packUniforms,
  type ReferenceArrays,
  resolveWgsl,
  type Shape,
  type Tolerance,
  type Tuning,
  type UniformType,
} from './kernel/kernel.ts'
export { type BufferRange, type Dispatch, prepareDispatch } from './program/dispatch.ts'
export { type KernelProfile, type KernelRates, kernelRates } from './program/kernel-profile.ts'
export { Program, type SubmitOptions, uniformBytesOf } from './program/program.ts'
