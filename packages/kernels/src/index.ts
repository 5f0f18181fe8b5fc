import type { AnyKernel } from '@headwater/gpu'
import { activationBackward, activationForward } from './activation/activation.ts'
import { reluBackward } from './activation/relu-backward.ts'
import { attentionPoolForward } from './attention/attention-pool.ts'
import { attentionPoolBackward } from './attention/attention-pool-backward.ts'
import { dotCompressionForward } from './attention/dot-compression.ts'
import { dotCompressionBackwardLogits, dotCompressionBackwardTokens } from './attention/dot-compression-backward.ts'
import { attentionForward } from './attention/self-attention.ts'
import { attentionBackwardKeyValue, attentionBackwardQuery } from './attention/self-attention-backward.ts'
import { chunkSums } from './embedding/chunk-sums.ts'
import { gather } from './embedding/gather.ts'
import { rowAdagrad } from './embedding/row-adagrad.ts'
import { periodicBackward, periodicForward } from './encoding/periodic.ts'
import { piecewiseLinear } from './encoding/piecewise-linear.ts'
import { standardize } from './encoding/standardize.ts'
import { crossBackward, crossForward } from './interaction/cross.ts'
import { groupedDotBackward, groupedDotForward } from './interaction/grouped-dot.ts'
import { pairwiseDotBackward, pairwiseDotForward } from './interaction/pairwise-dot.ts'
import { columnSum, columnSumShape } from './layout/column-sum.ts'
import { copyShape, layoutCopy } from './layout/copy.ts'
import { bceMultiTask } from './loss/bce-multi-task.ts'
import { decorrelationCenter, decorrelationOffDiagonal } from './loss/decorrelation.ts'
import { embeddingDistillation } from './loss/embedding-distillation.ts'
import { l2 } from './loss/l2.ts'
import { matmulHalf } from './matmul/half.ts'
import { matmul } from './matmul/matmul.ts'
import { transpose } from './matmul/transpose.ts'
import { matmulTransposedB } from './matmul/transposed-b.ts'
import { layerNormBackward, layerNormForward } from './normalization/layer-norm.ts'
import { normShape } from './normalization/norm-shape.ts'
import { normParametersBackward, normParametersShape } from './normalization/parameters-backward.ts'
import { rmsNormBackward, rmsNormForward } from './normalization/rms-norm.ts'
import { packHalf } from './numeric/half.ts'
import { normBoundBackward, normBoundForward } from './numeric/norm-bound.ts'
import { adamw } from './optimizer/adamw.ts'
import { globalNorm } from './optimizer/global-norm.ts'
import { sumOfSquares } from './optimizer/sum-of-squares.ts'

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
export { padded } from './examples/arrays.ts'
export { type MatmulShape, matmulShape } from './matmul/shape.ts'
export { adamBeta1, adamBeta2, rateSlots } from './optimizer/adamw.ts'
export { partialsOf } from './optimizer/sum-of-squares.ts'
export { type Activation, activations } from './wgsl/activation.ts'
export {
  activationBackward,
  activationForward,
  adamw,
  attentionBackwardKeyValue,
  attentionBackwardQuery,
  attentionForward,
  attentionPoolBackward,
  attentionPoolForward,
  bceMultiTask,
  chunkSums,
  columnSum,
  columnSumShape,
  copyShape,
  crossBackward,
  crossForward,
  decorrelationCenter,
  decorrelationOffDiagonal,
  dotCompressionBackwardLogits,
  dotCompressionBackwardTokens,
  dotCompressionForward,
  embeddingDistillation,
  gather,
  globalNorm,
  groupedDotBackward,
  groupedDotForward,
  l2,
  layerNormBackward,
  layerNormForward,
  layoutCopy,
  matmul,
  matmulHalf,
  matmulTransposedB,
  normBoundBackward,
  normBoundForward,
  normParametersBackward,
  normParametersShape,
  normShape,
  packHalf,
  pairwiseDotBackward,
  pairwiseDotForward,
  periodicBackward,
  periodicForward,
  piecewiseLinear,
  reluBackward,
  rmsNormBackward,
  rmsNormForward,
  rowAdagrad,
  standardize,
  sumOfSquares,
  transpose,
}

/** Every kernel of the library; tests, compile check and bench go through this list. */
export const kernels: readonly AnyKernel[] = [
  matmul,
  matmulTransposedB,
  matmulHalf,
  transpose,
  layoutCopy,
  columnSum,
  activationForward,
  activationBackward,
  reluBackward,
  layerNormForward,
  layerNormBackward,
  rmsNormForward,
  rmsNormBackward,
  normParametersBackward,
  standardize,
  periodicForward,
  periodicBackward,
  piecewiseLinear,
  gather,
  chunkSums,
  rowAdagrad,
  attentionForward,
  attentionBackwardQuery,
  attentionBackwardKeyValue,
  dotCompressionForward,
  dotCompressionBackwardTokens,
  dotCompressionBackwardLogits,
  attentionPoolForward,
  attentionPoolBackward,
  groupedDotForward,
  groupedDotBackward,
  pairwiseDotForward,
  pairwiseDotBackward,
  crossForward,
  crossBackward,
  bceMultiTask,
  l2,
  decorrelationCenter,
  decorrelationOffDiagonal,
  embeddingDistillation,
  adamw,
  sumOfSquares,
  globalNorm,
  normBoundForward,
  normBoundBackward,
  packHalf,
]
