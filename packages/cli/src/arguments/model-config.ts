import type { ModelConfig } from '@headwater/runtime'
import { readJson } from '../files/input.ts'

/** The model config in the file of `--config`. @throws InputFileError, ModelConfigError */
export async function readModelConfig(file: string): Promise<ModelConfig> {
  const { parseModelConfig } = await import('@headwater/runtime')
  return parseModelConfig(readJson('--config', file), file)
}
