/**
 * What an extractor is: new tokens of the n tokens X [R, n·d] that stand before a level. One value says all that the rest of
 * the runtime asks of it; `extractors.ts` lists them. Shape letters: R rows, n tokens of d, m new tokens.
 */

import { integer, type Keys, type ReadKeys, type Rule } from '../config/config-rules.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import type { Into, Tensor } from '../plan/tensor.ts'

/** The level that an extractor is declared in. */
export interface LevelInput {
  /** Names of the n tokens before it. */
  readonly tokens: readonly string[]
  /** d */
  readonly width: number
  /** Probability, in training. */
  readonly dropout: number
  /** The level's norm takes off the mean of each token: a number that is added to a whole token has no effect. */
  readonly centers: boolean
}

/** Refuses a config for the value of one of its keys. */
type Refuse = (key: string, reason: string, remedy: string) => never

/** An extractor gives `tokens` tokens, m. */
type ExtractorKeys = Keys & { readonly tokens: Rule<number> }

/**
 * A declared extractor: assigns the m new tokens to y, columns of a wider tensor, or adds them.
 * @returns its backward, which is given x as the forward was, perhaps in other memory: it assigns the parameters' gradients,
 * and assigns or adds dx
 */
export type ExtractorLayer = (
  rec: ModelRecorder,
  x: Tensor,
  y: Into,
  training: boolean,
) => (x: Tensor, dy: Tensor, dx: Into) => void

export interface Extractor<K extends ExtractorKeys = ExtractorKeys> {
  readonly description: string
  /** Of its config, besides `kind`. */
  readonly keys: K
  /** What its sizes must be to n tokens of d. */
  check?(config: ReadKeys<K>, n: number, d: number, refuse: Refuse): void
  /** Declares parameters, each with what stands on its rows and columns; `name` begins their names. */
  declare(set: ParameterSet, name: string, config: ReadKeys<K>, input: LevelInput): ExtractorLayer
  /** Passes over dx that its backward saves where it may assign it: of a level's extractors that of the most goes first. */
  readonly passesToAdd: number
}

export const newTokens = integer('Tokens that it adds to the level', 1, 4096)
export const hiddenUnits = (of: string) => integer(`Hidden units ${of}`, 1, 65_536)
