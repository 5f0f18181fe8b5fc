/** A snapshot's user tower on a device. The mix tower, which only training needs, stays on the disk. */

import { compileFeatures } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import type { BindingLimits } from '@headwater/kernels'
import { type Snapshot, SnapshotError } from '@headwater/snapshot'
import { AlignmentLayer, foldAlignment } from '../loading/alignment-layer.ts'
import { snapshotConfig } from '../loading/snapshot-config.ts'
import { writeWeights } from '../loading/write-weights.ts'
import { ParameterSet } from '../parameters/parameter-set.ts'
import { Weights } from '../parameters/weights.ts'
import { tokensOf } from '../tower/config.ts'
import { checkModelConfig } from '../tower/config-check.ts'
import { declareUserTower } from '../tower/user-tower.ts'
import { type EncoderOptions, UserEncoder } from './user-encoder.ts'
import type { UserPlanParts } from './user-plan.ts'

/** A user tower loaded for serving; its encoder gives published vectors. */
export interface LoadedTower {
  readonly encoder: UserEncoder
  dispose(): void
}

/** Nothing follows the last linear layer, or stands beside it or behind, that the map would have to wait for. */
function folds(snapshot: Snapshot): boolean {
  const { embeddings, user } = snapshotConfig(snapshot)
  const { norm, linear } = embeddings
  return snapshot.alignment !== null && norm === undefined && !linear && !tokensOf(user, 'memory')
}

/**
 * The weights of a snapshot's user tower, without values.
 * @param device null: laid out only, to be recorded with and counted
 * @throws SnapshotError where the alignment is of another width; ModelConfigError where the config does not suit the schema;
 * ParameterSizeError, TableSizeError; what a device throws
 */
export function layOutUserTower(device: GpuDevice | null, snapshot: Snapshot, limits: BindingLimits): UserPlanParts {
  const { schema, directory } = snapshot
  const space = compileFeatures(schema)
  const config = snapshotConfig(snapshot)
  checkModelConfig(config, space.user, space.item, `${directory}/manifest.json`)
  const set = new ParameterSet()
  const tower = declareUserTower(set, space.user, config)
  const { dim } = tower
  if (snapshot.alignment && snapshot.alignment.dim !== dim)
    throw new SnapshotError(
      `${directory}: its alignment is ${snapshot.alignment.dim} wide, its embeddings are ${dim}. Publish it again.`,
    )
  const weights = new Weights(device, set, false, limits)
  const map = folds(snapshot) ? null : snapshot.alignment
  return { tower, weights, alignment: map && new AlignmentLayer(device, map, limits) }
}

/** A snapshot's tensors, with the alignment folded into the last linear layer where it can be. */
function servedMatrices(snapshot: Snapshot): Snapshot['matrices'] {
  const { matrices, alignment } = snapshot
  const weight = matrices.get('user.output.weight')
  const bias = matrices.get('user.output.bias')
  if (!alignment || !folds(snapshot) || weight?.cols !== alignment.dim || bias?.cols !== alignment.dim) return matrices
  const folded = foldAlignment(weight.data, bias.data, alignment)
  return new Map(matrices)
    .set(weight.name, { ...weight, data: folded.weight })
    .set(bias.name, { ...bias, data: folded.bias })
}

/**
 * Puts a snapshot's user tower on a device of the caller's. The snapshot's tensors need not stay in the host's memory.
 * @throws SnapshotError where a tensor is missing or of another shape; what `layOutUserTower` throws. Nothing stays on the
 * device then.
 */
export function loadUserTower(device: GpuDevice, snapshot: Snapshot, options: EncoderOptions = {}): LoadedTower {
  return device.allOrNothing(() => {
    const parts = layOutUserTower(device, snapshot, device.limits)
    writeWeights(parts.weights, { directory: snapshot.directory, matrices: servedMatrices(snapshot) })
    const encoder = new UserEncoder(device, parts, options)
    const dispose = () => {
      encoder.dispose()
      parts.alignment?.dispose()
      parts.weights.dispose()
    }
    return { encoder, dispose }
  })
}
