/** What a dense value becomes before the linear map to tokens. Shape letters: R rows, F features. */

import type { Keys, ReadKeys } from '../config/config-rules.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import type { Tensor } from '../plan/tensor.ts'

/**
 * A declared encoding: assigns y [R, F · columns] from the standardized values x [R, F].
 * @returns its backward, which assigns the gradients of its parameters; undefined where none is trained
 */
export type EncodingLayer = (rec: ModelRecorder, x: Tensor, y: Tensor) => ((dy: Tensor) => void) | undefined

export interface Encoding<K extends Keys = Keys> {
  readonly description: string
  /** Of its config, besides `kind`. */
  readonly keys: K
  /** Columns of a value, a multiple of 4: the encoding, and a vec4 with the flag of a missing value, which no batch has. */
  columns(config: ReadKeys<K>): number
  /** Declares parameters whose rows are the features; `name` begins their names. */
  declare(set: ParameterSet, name: string, features: readonly string[], config: ReadKeys<K>): EncodingLayer
  /** What is fitted once to a first sample; absent where nothing is. */
  readonly fitted?: Fitted<K>
}

/** Constants of each feature, a row of a tensor [F, length]. */
export interface Fitted<K extends Keys> {
  /** Last part of the tensor's name. */
  readonly tensor: string
  length(config: ReadKeys<K>): number
  /**
   * @param sorted standardized values of one feature that are finite
   * @param least distance at which two values count as apart
   */
  row(config: ReadKeys<K>, sorted: Float64Array, least: number): Float64Array
}

/** Behind the encoding of each value. */
export const flagColumns = 4
