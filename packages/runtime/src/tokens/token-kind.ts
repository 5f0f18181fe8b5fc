/**
 * What a kind of token is: tokens made of a user's features. One value says all that the rest of the runtime asks of it;
 * `token-kinds.ts` lists them. Shape letters: R rows, n tokens of width d.
 */

import type { SideLayout } from '@headwater/features'
import type { Keys, ReadKeys } from '../config/config-rules.ts'
import type { InputBatch, InputNeeds } from '../inputs/input-batch.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import type { Tensor } from '../plan/tensor.ts'

/** Tokens of one origin, as they stand in their level. */
export interface TokenSource {
  /** As in "dense values", "bag tags", "mlp". */
  readonly from: string
  readonly tokens: number
}

/** Refuses a config for the value of one of its keys; for the whole where the key is empty. */
type Refuse = (key: string, reason: string, remedy: string) => never

/**
 * Declared tokens of one kind: assigns y [R, n · d], and what it keeps for the embeddings, all of `kept`; both may be columns of wider
 * tensors.
 * @returns its backward, which assigns every parameter's gradient and updates the tables that were looked up
 */
export type TokenLayer = (
  rec: ModelRecorder,
  batch: InputBatch,
  y: Tensor,
  kept?: Tensor | null,
) => (dy: Tensor, dKept?: Tensor | null) => void

export interface TokenKind<K extends Keys = Keys> {
  readonly description: string
  /** Of its config, besides `kind`. */
  readonly keys: K
  /** The tokens that it makes of these features, in their order; without any it declares nothing. */
  sources(config: ReadKeys<K>, layout: SideLayout): readonly TokenSource[]
  /** What it must be to tokens of width d and, where they are known, to the features. */
  check?(config: ReadKeys<K>, d: number, layout: SideLayout | null, refuse: Refuse): void
  /** What an `InputBatch` must hold beyond dense values and bags. */
  needs?(config: ReadKeys<K>, layout: SideLayout): Partial<InputNeeds>
  /** Numbers that stand in the embeddings as they are, at most so many as the last whole embeddings hold; one kind has any. */
  kept?(config: ReadKeys<K>): number
  /** Declares parameters and tables, each with what stands on its rows and columns. */
  declare(set: ParameterSet, config: ReadKeys<K>, layout: SideLayout, d: number): TokenLayer
}

/** Names of tokens, which stay when features are added. */
export const tokenNames = (sources: readonly TokenSource[]): string[] =>
  sources.flatMap(({ from, tokens }) => Array.from({ length: tokens }, (_, i) => `${from}/${i}`))
