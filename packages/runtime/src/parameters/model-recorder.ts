import type { Recorder, Recording } from '../plan/recorder.ts'
import type { Weights } from './weights.ts'

/** What a model's layers record with: a recorder, and the weights that they read and train. */
export interface ModelRecorder extends Recording {
  readonly weights: Weights
}

/** A recorder as layers of these weights take it; one recorder may serve several models. */
export function withWeights(rec: Recorder, weights: Weights): ModelRecorder {
  return { tensor: rec.tensor.bind(rec), dispatch: rec.dispatch.bind(rec), weights }
}
