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

/**
 * A declared interaction: assigns h. x is the item's; z holds the embeddings.
 * @returns its backward, which assigns the parameters' gradients and dx, and gives the gradient of the embeddings, columns of
 * a tensor as wide as z
 */
export type InteractionLayer = (rec: ModelRecorder, x: Tensor, z: Tensor, h: Tensor) => (dh: Tensor, dx: Into) => Tensor

export interface InteractionKind<K extends Keys = Keys> {
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
  declare(
    set: ParameterSet,
    config: ReadKeys<K>,
    embeddings: EmbeddingSizes,
    x: Axis,
    outputs: number,
  ): InteractionLayer
}
