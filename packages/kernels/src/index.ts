import type { AnyKernel } from '@headwater/gpu'
import * as library from './library/kernels.ts'

export { gatherModes } from './embedding/gather.ts'
export {
  type BindingLimits,
  type SplitTable,
  splitTable,
  type TableBinding,
  type TablePart,
  TableSizeError,
  tablePartBindings,
} from './embedding/split-table.ts'
export { exampleArrays } from './examples/example.ts'
export { columnSumShape } from './layout/column-sum.ts'
export { copyShape } from './layout/copy.ts'
export * from './library/kernels.ts'
export { type MatmulShape, matmulShape } from './matmul/shape.ts'
export { normShape } from './normalization/norm-shape.ts'
export { normParametersShape } from './normalization/parameters-backward.ts'
export { adamBeta1, adamBeta2, rateSlots } from './optimizer/adamw.ts'
export { partialsOf } from './optimizer/sum-of-squares.ts'
export { type Activation, activations } from './wgsl/activation.ts'
export { padded } from './wgsl/padded.ts'

/** Every kernel, by the names of their exports. */
export const kernels: readonly AnyKernel[] = Object.values(library)
