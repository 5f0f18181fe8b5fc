/** What a publication takes of the device while the training stays there, known before anything is allocated. */
import type { BindingLimits } from '@headwater/kernels'
import { AlignmentLayer, declareUserTower, measureEncoder, ParameterSet, type Tower, Weights } from '@headwater/runtime'
import { measureScorer, scoreRows } from '../publication/scorer.ts'

/**
 * Bytes at most, where the served snapshot is of a tower of the same sizes: first both user towers encode the panel, then
 * the served towers score the held-back rows.
 */
export function measurePublication(tower: Tower, limits: BindingLimits): number {
  const { maxBufferSize } = limits
  const set = new ParameterSet()
  const user = declareUserTower(set, tower.user.needs.layout, tower.config)
  const userWeights = new Weights(null, set, false, limits)
  const { dim } = user
  const map = { dim, weight: new Float32Array(dim * dim), bias: new Float32Array(dim) }
  const alignment = new AlignmentLayer(null, map, limits)
  const parts = { tower: user, weights: userWeights }
  const panel =
    userWeights.sizeBytes +
    alignment.weights.sizeBytes +
    measureEncoder({ ...parts, alignment }, maxBufferSize).sizeBytes +
    measureEncoder({ ...parts, alignment: null }, maxBufferSize).sizeBytes
  const weights = new Weights(null, tower.set, false, limits)
  return Math.max(panel, weights.sizeBytes + measureScorer(tower, weights, scoreRows, maxBufferSize).sizeBytes)
}
