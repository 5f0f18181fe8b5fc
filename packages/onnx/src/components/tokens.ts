/** A user's features as tokens, by kind. Shape letters: R rows, n tokens of d. */
import type { SideLayout } from '@headwater/features'
import { eventTokens as countEvents, type TokenConfig, type TokenKindName } from '@headwater/runtime'
import type { ExportOf } from '../graph/export-of.ts'
import type { Graph } from '../graph/graph.ts'
import type { Value } from '../graph/model-file.ts'
import { bagToken } from './bag-token.ts'
import { encode } from './encodings.ts'
import { type EventInputs, eventTokens } from './event-tokens.ts'
import { ridgeMemory } from './ridge-memory.ts'

/** A user batch's arrays. */
export interface UserInputs {
  readonly layout: SideLayout
  readonly dense: Value | null
  readonly bags: readonly { readonly ids: Value; readonly lengths: Value }[]
  readonly events: EventInputs | null
}

/** Tokens [R, n, d] in parts, in their order; none where the features lack. */
type ExportTokens<Kind extends TokenKindName> = ExportOf<TokenConfig<Kind>, [inputs: UserInputs, d: number], Value[]>

/** What every kind of token becomes. */
export const tokenExports: { readonly [Kind in TokenKindName]: ExportTokens<Kind> } = {
  dense(graph, { tokens, standardize, encoding }, { dense }, d) {
    if (!dense) return []
    return graph.within('user.dense-tokens', () => {
      const x = denseValues(graph, standardize, dense)
      const y = graph.linear('user.dense-tokens', encoding ? encode(graph, encoding, x) : x)
      return [graph.reshape(y, [tokens, d])]
    })
  },

  bags(graph, { pooling }, { layout, bags }) {
    return layout.bags.map(({ name }, i) => {
      const { ids, lengths } = bags[i]
      // A token of its own, [R, 1, d].
      return graph.within(`user.${name}`, () => bagToken(graph, `user.${name}`, pooling, ids, lengths))
    })
  },

  events(graph, config, { layout, events }) {
    if (!events) return []
    const made = countEvents(config, layout.sequence)
    return graph.within('user.sequence', () => eventTokens(graph, config, made, events))
  },

  memory(graph, config, { layout, events }, d) {
    if (!events) return []
    return graph.within('user.memory', () => {
      const coefficients = ridgeMemory(graph, config, layout.sequence!, events)
      return [graph.reshape(graph.linear('user.memory.tokens', coefficients), [config.decays.length, d])]
    })
  },
}

/** x̂ */
export function denseValues(graph: Graph, standardize: true | undefined, dense: Value): Value {
  if (!standardize) return dense
  const centred = graph.binary('Sub', dense, graph.vector('user.dense.center'))
  return graph.binary('Mul', centred, graph.vector('user.dense.scale'))
}
