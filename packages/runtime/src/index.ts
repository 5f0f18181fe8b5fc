export type {
  CompressionConfig,
  CrossConfig,
  DenseEncoding,
  DenseTokensConfig,
  EmbeddingsConfig,
  InteractionConfig,
  LevelConfig,
  MixerConfig,
  MixTowerConfig,
  MlpConfig,
  ModelConfig,
  SequenceConfig,
  UserTowerConfig,
} from './config/config.ts'
export { ModelConfigError } from './config/config-error.ts'
export type { JsonSchema } from './config/config-rules.ts'
export { InputBatch, type InputNeeds } from './inputs/input-batch.ts'
export { declareLinear, type Epilogue, type Linear, linearBackward, linearForward } from './layers/linear.ts'
export { reluDropoutBackward } from './layers/relu.ts'
export { AlignmentLayer } from './loading/alignment-layer.ts'
export { snapshotConfig } from './loading/snapshot-config.ts'
export { writeWeights } from './loading/write-weights.ts'
export type { DeviceTable, DeviceTablePart } from './parameters/device-table.ts'
export { type ParameterRun, ParameterSizeError } from './parameters/parameter-runs.ts'
export { type Initialization, type Parameter, ParameterSet, type Table } from './parameters/parameter-set.ts'
export { Weights } from './parameters/weights.ts'
export { Allocation } from './plan/allocation.ts'
export { type Plan, type PlanCost, Recorder } from './plan/recorder.ts'
export { columns, type Into, part, persistent, type Storage, type Tensor } from './plan/tensor.ts'
export { queueWrite, type Upload, UploadRing, type Write } from './plan/upload-ring.ts'
export { BatchRowsError, EncodeQueueError, ServedTowerError } from './serving/errors.ts'
export { type LoadedTower, loadUserTower } from './serving/load-user-tower.ts'
export { type LoadTowerOptions, loadTower, ServedTower } from './serving/served-tower.ts'
export { type DeviceRoom, type TowerMemory, TowerMemoryError } from './serving/tower-memory.ts'
export { type EncoderOptions, measureEncoder, UserEncoder } from './serving/user-encoder.ts'
export { measureUserPlan } from './serving/user-plan.ts'
export { fitDense } from './tokens/dense-statistics.ts'
export { type EventTokens, eventTokens, sumScale } from './tokens/event-tokens.ts'
export { declareItemInputs, type ItemInputs, itemInputsBackward, itemInputsForward } from './tokens/item-inputs.ts'
export { checkModelConfig } from './tower/config-check.ts'
export { modelConfigSchema, parseModelConfig } from './tower/config-schema.ts'
export { interactionTensor, mixBackward, mixForward } from './tower/mix-tower.ts'
export { type PresetName, presets } from './tower/presets.ts'
export { declareTower, type Tower } from './tower/tower.ts'
export { declareUserTower, type UserTower, userBackward, userForward } from './tower/user-tower.ts'
