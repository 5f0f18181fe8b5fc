export { BufferPool, sizeClass } from './buffer-pool.ts'
export {
  type AdapterDescription,
  type DeviceOptions,
  type DeviceReport,
  GpuDevice,
  requestDevice,
  type TuningTable,
} from './device.ts'
export { type BufferRange, type Dispatch, prepareDispatch } from './dispatch.ts'
export {
  DeviceFeatureError,
  DeviceLostError,
  GpuError,
  GpuLimitError,
  GpuValidationError,
  KernelError,
  NoAdapterError,
  OutOfMemoryError,
} from './errors.ts'
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
  type TuningNeeds,
  type UniformType,
} from './kernel.ts'
export { type KernelProfile, type KernelRates, kernelRates } from './kernel-profile.ts'
export { expectedMs, Pacer } from './pacer.ts'
export { Program, type SubmitOptions, uniformBytesOf } from './program.ts'
export { Readback } from './readback.ts'
