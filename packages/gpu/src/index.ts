export { type AdapterDescription, type DeviceOptions, GpuDevice, requestDevice } from './device.ts'
export { type Dispatch, prepareDispatch } from './dispatch.ts'
export {
  DeviceLostError,
  GpuError,
  GpuLimitError,
  GpuValidationError,
  KernelError,
  NoAdapterError,
} from './errors.ts'
export {
  type AnyKernel,
  type Arrays,
  type Binding,
  bytesPerElement,
  type ElementType,
  type Kernel,
  packUniforms,
  type ReferenceArrays,
  resolveWgsl,
  type Shape,
  type Tolerance,
  type Tuning,
  type TuningNeeds,
} from './kernel.ts'
export { Pacer } from './pacer.ts'
export { type KernelProfile, Program } from './program.ts'
export { Readback } from './readback.ts'
