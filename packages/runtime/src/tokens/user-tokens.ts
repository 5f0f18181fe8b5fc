/** The user side's features as tokens, X_0 [R, n₀ · d]. Shape letters: R rows, n₀ tokens of width d. */

import type { SideLayout } from '@headwater/features'
import type { InputBatch, InputNeeds } from '../inputs/input-batch.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import { columns, type Tensor } from '../plan/tensor.ts'
import { type TokenKind, tokenNames } from './token-kind.ts'
import { type TokenConfig, tokenKinds } from './token-kinds.ts'

/** X_0 and its dense tokens' columns, null where there are none. */
export interface RecordedTokens {
  readonly x0: Tensor
  readonly xDense: Tensor | null
  /**
   * Assigns every parameter's gradient and updates every table that was looked up.
   * @param dx0 the gradient of X_0, what comes through the dense tokens' other uses included
   * @param dKept that of what stands in the embeddings as it is
   */
  backward(dx0: Tensor, dKept?: Tensor | null): void
}

export interface UserTokens {
  /** For the `InputBatch`. */
  readonly needs: InputNeeds
  /** Names of the n₀ tokens. */
  readonly tokens: readonly string[]
  /** Of these, the ones that are made of dense values. */
  readonly dense: readonly string[]
  /** @param kept where to write what stands in the embeddings as it is; null: nowhere */
  forward(rec: ModelRecorder, batch: InputBatch, kept?: Tensor | null): RecordedTokens
}

/** How many numbers of a user's tokens stand in the embeddings as they are. */
export function keptOf(configs: readonly TokenConfig[], layout: SideLayout): number {
  const kept = (config: TokenConfig) => (tokenKinds[config.kind] as TokenKind).kept?.(config) ?? 0
  return configs.reduce((sum, config) => sum + (sourcesOf(config, layout).length > 0 ? kept(config) : 0), 0)
}

export const sourcesOf = (config: TokenConfig, layout: SideLayout) => tokenKinds[config.kind].sources(config, layout)

/** @throws RangeError for a layout that gives no token. */
export function declareUserTokens(
  set: ParameterSet,
  layout: SideLayout,
  configs: readonly TokenConfig[],
  d: number,
): UserTokens {
  let needs: InputNeeds = { layout: { ...layout, sequence: null }, bags: 'mean', recent: 0 }
  const tokens: string[] = []
  const placed = configs.flatMap((config) => {
    const names = tokenNames(sourcesOf(config, layout))
    if (names.length === 0) return []
    const kind: TokenKind = tokenKinds[config.kind]
    needs = { ...needs, ...kind.needs?.(config, layout) }
    const from = tokens.length * d
    tokens.push(...names)
    const slice = (x: Tensor) => columns(x, from, names.length * d)
    const keeps = kind.kept !== undefined
    return { name: config.kind, names, slice, keeps, layer: kind.declare(set, config, layout, d) }
  })
  if (tokens.length === 0)
    throw new RangeError(
      'The user side gives no token: no dense values that are used, no bag, no sequence. Give the schema a user feature.',
    )
  const dense = placed.find(({ name }) => name === 'dense')
  return {
    needs,
    tokens,
    dense: dense?.names ?? [],
    forward(rec, batch, kept) {
      const x0 = rec.tensor('X_0', batch.rows, tokens.length * d)
      const backwards = placed.map(({ layer, slice, keeps }) => layer(rec, batch, slice(x0), keeps ? kept : null))
      const backward = (dx0: Tensor, dKept?: Tensor | null) => {
        for (const [i, { slice, keeps }] of placed.entries()) backwards[i](slice(dx0), keeps ? dKept : null)
      }
      return { x0, xDense: dense ? dense.slice(x0) : null, backward }
    },
  }
}
