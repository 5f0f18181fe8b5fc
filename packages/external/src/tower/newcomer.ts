import { compileFeatures, type Schema, type SideBatch } from '@headwater/features'

/** The row of a user of whom nothing is known. */
export function newcomer(schema: Schema): SideBatch {
  const space = compileFeatures(schema)
  const batch = space.allocate('user', 1)
  space.encodeUser(batch, 0, space.newUserState(), 0)
  return batch
}
