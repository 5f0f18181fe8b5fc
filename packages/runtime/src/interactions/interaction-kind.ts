/**
 * What an interaction is: where user and item meet, h = [e | dots] W_z. One value says all that the rest of the runtime asks
 * of it; `interactions.ts` lists them. Shape letters: R rows, K embeddings of D, X columns of the item's inputs.
 */

import type { Keys, ReadKeys } from '../config/config-rules.ts'
import type { Axis } from '../parameters/axis.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import type { Into, Tensor } from '../plan/tensor.ts'

/** K and D. */
export interface EmbeddingSizes {
  readonly count: number
  readonly width: number
}

export interface InteractionKind<
  K extends Keys = Keys,
  /** What it declared. */
  Layer = unknown,
  /** What its forward keeps for its backward. */
  Saved = unknown,
> {
  readonly description: string
  /** Of its config, besides `kind`. */
  readonly keys: K
  /** What its sizes must be to K embeddings of D. */
  check?(
    config: ReadKeys<K>,
    embeddings: EmbeddingSizes,
    refuse: (key: string, reason: string, remedy: string) => never,
  ): void
  /** Columns of z behind the K·D of the embeddings. */
  columnsBeside(config: ReadKeys<K>, embeddings: EmbeddingSizes): number
  /** @param x what stands on the item's columns @param outputs columns of h */
  declare(set: ParameterSet, config: ReadKeys<K>, embeddings: EmbeddingSizes, x: Axis, outputs: number): Layer
  /** Assigns h. x is the item's; z holds the embeddings. */
  forward(rec: ModelRecorder, layer: Layer, x: Tensor, z: Tensor, h: Tensor): Saved
  /** Assigns the parameters' gradients and dx. @returns the gradient of the embeddings, columns of a tensor as wide as z */
  backward(rec: ModelRecorder, layer: Layer, x: Tensor, saved: Saved, dh: Tensor, dx: Into): Tensor
}
