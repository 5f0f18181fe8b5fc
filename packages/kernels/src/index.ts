import type { AnyKernel } from '@headwater/gpu'
import { columnSum } from './elementwise/column-sum.ts'
import { reluBackward } from './elementwise/relu-backward.ts'
import { gatherMean } from './embedding/gather-mean.ts'
import { rowAdagrad } from './embedding/row-adagrad.ts'
import { groupedDotBackward, groupedDotForward } from './interaction/grouped-dot.ts'
import { bceMultiTask } from './loss/bce-multi-task.ts'
import { matmul } from './matmul/matmul.ts'
import { transpose } from './matmul/transpose.ts'
import { layerNormBackward, layerNormForward } from './normalization/layer-norm.ts'
import { adamw } from './optimizer/adamw.ts'
import { attentionPoolBackward, attentionPoolForward } from './sequence/attention-pool.ts'

export { padded } from './case-arrays.ts'
export { adamBeta1, adamBeta2 } from './optimizer/adamw.ts'
export {
  adamw,
  attentionPoolBackward,
  attentionPoolForward,
  bceMultiTask,
  columnSum,
  gatherMean,
  groupedDotBackward,
  groupedDotForward,
  layerNormBackward,
  layerNormForward,
  matmul,
  reluBackward,
  rowAdagrad,
  transpose,
}

/** Every kernel of the library; tests, compile check and bench go through this list. */
export const kernels: readonly AnyKernel[] = [
  matmul,
  transpose,
  columnSum,
  reluBackward,
  layerNormForward,
  layerNormBackward,
  gatherMean,
  rowAdagrad,
  attentionPoolForward,
  attentionPoolBackward,
  groupedDotForward,
  groupedDotBackward,
  bceMultiTask,
  adamw,
]
