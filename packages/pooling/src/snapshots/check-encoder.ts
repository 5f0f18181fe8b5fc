import { compileFeatures, type Schema } from '@headwater/features'
import type { Encoder } from '../contracts/encoder.ts'
import { rulesOf } from '../options/options.ts'
import { ColdDefaults } from './cold-defaults.ts'

/**
 * Finds out what a pooling that an encoder is published into would find out.
 *
 * @param name of the model
 * @param schema the encoder's
 * @throws SnapshotRefusedError, what the encoder throws
 */
export async function checkEncoder(name: string, encoder: Encoder, schema: Schema): Promise<void> {
  const model = { name, dim: encoder.dim, policy: { slot: 'snapshot', count: 1 } } as const
  const rule = rulesOf([model], schema).get(name)!
  await new ColdDefaults(compileFeatures(schema), rule, 1).publish(encoder, Date.now())
}
