/** The user side's features as tokens, X_0 [R, n₀ · d]. Shape letters: R rows, n₀ tokens of width d. */

import type { SideLayout } from '@headwater/features'
import type { InputBatch, InputNeeds } from '../inputs/input-batch.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import { columns, type Tensor } from '../plan/tensor.ts'
import { type TokenKind, tokenNames } from './token-kind.ts'
import { type TokenConfig, tokenKinds } from './token-kinds.ts'

/** The tokens of one kind. */
interface Placed {
  readonly kind: TokenKind
  /** What it declared. */
  readonly layer: unknown
  /** Their columns of X_0. */
  readonly from: number
  readonly columns: number
}

export interface UserTokens {
  /** For the `InputBatch`. */
  readonly needs: InputNeeds
  /** Names of the n₀ tokens. */
  readonly tokens: readonly string[]
  /** Of these, the ones that are made of dense values. */
  readonly dense: readonly string[]
  readonly columns: number
  readonly placed: readonly Placed[]
  /** Those of dense values. */
  readonly placedDense: Placed | null
}

/** Of each kind. */
export type SavedUserTokens = readonly unknown[]

export const sourcesOf = (config: TokenConfig, layout: SideLayout) => tokenKinds[config.kind].sources(config, layout)

/** @throws RangeError for a layout that gives no token. */
export function declareUserTokens(
  set: ParameterSet,
  layout: SideLayout,
  configs: readonly TokenConfig[],
  d: number,
): UserTokens {
  const used = configs
    .map((config) => ({ config, names: tokenNames(sourcesOf(config, layout)) }))
    .filter(({ names }) => names.length > 0)
  if (used.length === 0)
    throw new RangeError(
      'The user side gives no token: no dense values that are used, no bag, no sequence. Give the schema a user feature.',
    )
  let needs: InputNeeds = { layout: { ...layout, sequence: null }, bags: 'mean', recent: 0 }
  let from = 0
  const placed = used.map(({ config, names }) => {
    const kind: TokenKind = tokenKinds[config.kind]
    needs = { ...needs, ...kind.needs?.(config, layout) }
    const place = { kind, layer: kind.declare(set, config, layout, d), from, columns: names.length * d }
    from += place.columns
    return place
  })
  const dense = used.findIndex(({ config }) => config.kind === 'dense')
  return {
    needs,
    tokens: used.flatMap(({ names }) => names),
    dense: used[dense]?.names ?? [],
    columns: from,
    placed,
    placedDense: placed[dense] ?? null,
  }
}

const sliceOf = ({ from, columns: count }: Placed, x: Tensor): Tensor => columns(x, from, count)

/** @returns X_0, its dense tokens' columns (null: there are none), and what the backward takes */
export function userTokensForward(
  rec: ModelRecorder,
  tokens: UserTokens,
  batch: InputBatch,
): { x0: Tensor; xDense: Tensor | null; saved: SavedUserTokens } {
  const x0 = rec.tensor('X_0', batch.rows, tokens.columns)
  const saved = tokens.placed.map((placed) => placed.kind.forward(rec, placed.layer, batch, sliceOf(placed, x0)))
  return { x0, xDense: tokens.placedDense && sliceOf(tokens.placedDense, x0), saved }
}

/**
 * Assigns every parameter's gradient and updates every table that was looked up. `dx0` is the gradient of X_0, what comes
 * through the dense tokens' other uses included.
 */
export function userTokensBackward(
  rec: ModelRecorder,
  tokens: UserTokens,
  batch: InputBatch,
  saved: SavedUserTokens,
  dx0: Tensor,
): void {
  for (const [i, placed] of tokens.placed.entries())
    placed.kind.backward(rec, placed.layer, batch, saved[i], sliceOf(placed, dx0))
}
