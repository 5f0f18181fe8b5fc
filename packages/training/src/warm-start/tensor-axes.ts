/**
 * What stands on the rows and columns of each tensor, by names that stay when features are added: so the numbers of an
 * older tower find their places in a newer one. Shape letters: d token width, n tokens, F dense values.
 */
import type { SideLayout } from '@headwater/features'
import { padded } from '@headwater/kernels'
import { type DenseEncoding, eventTokens, type LevelConfig, type ModelConfig } from '@headwater/runtime'

/** Names of rows and columns; null: no feature has a say in them, and their number stays. */
export interface TensorAxes {
  readonly rows: readonly string[] | null
  readonly cols: readonly string[] | null
}

const numbered = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}/${i}`)
const spread = (names: readonly string[], count: number) => names.flatMap((name) => numbered(name, count))

/** Columns that the encoding of one dense value takes: it has a vec4 with a flag behind it, but for the plain one. */
function encodedWidth(encoding: DenseEncoding): number {
  if (encoding.kind === 'plain') return 1
  return (encoding.kind === 'periodic' ? 2 * encoding.frequencies : padded(encoding.bins)) + 4
}

/** Tokens of X_0 and behind each level. */
function tokenNames({ user }: ModelConfig, layout: SideLayout): string[][] {
  const { dense, sequence, levels } = user
  const denseTokens = layout.dense.length > 0 ? numbered('dense', dense.tokens) : []
  const { pooled, recent, sums } = eventTokens(sequence, layout.sequence)
  const events = [...numbered('pooled', pooled), ...numbered('recent', recent), ...numbered('sum', sums)]
  const behind = (level: LevelConfig) => {
    const { mlp, compression, cross, mixer } = level
    const made = [mlp, compression, cross, mixer].reduce((sum, extractor) => sum + (extractor?.tokens ?? 0), 0)
    return [...numbered('made', made), ...(level.dense === false ? [] : denseTokens)]
  }
  return [[...denseTokens, ...layout.bags.map(({ name }) => `bag ${name}`), ...events], ...levels.map(behind)]
}

/** Columns of the item side's X. */
function itemColumns({ mix }: ModelConfig, { dense, bags }: SideLayout): string[] {
  const padding = numbered('padding', padded(dense.length) - dense.length)
  return [
    ...dense.map((name) => `dense ${name}`),
    ...padding,
    ...spread(
      bags.map(({ name }) => `bag ${name}`),
      mix.width,
    ),
  ]
}

/** @returns the axes of a tensor of a tower of these layouts, by its name */
export function tensorAxes(user: SideLayout, item: SideLayout, config: ModelConfig): (name: string) => TensorAxes {
  const { tokenWidth: d, dense, levels } = config.user
  const tokens = tokenNames(config, user)
  const x = itemColumns(config, item)
  const numbers = (names: readonly string[]) => spread(names, d)
  const logits = (k: number) => spread(tokens[k - 1], levels[k - 1].compression?.columns ?? 0)
  type Rule = [pattern: RegExp, axes: (k: number) => Partial<TensorAxes>]
  const rules: Rule[] = [
    [/^user\.dense\.(center|scale)$/, () => ({ cols: user.dense })],
    [/^user\.dense\.(frequencies|edges)$/, () => ({ rows: user.dense })],
    [/^user\.dense-tokens\.weight$/, () => ({ rows: spread(user.dense, encodedWidth(dense.encoding)) })],
    [/^user\.level(\d+)\.residual\.weight$/, (k) => ({ rows: tokens[k], cols: tokens[k - 1] })],
    [/^user\.level(\d+)\.(mlp|compression)\.hidden\.weight$/, (k) => ({ rows: numbers(tokens[k - 1]) })],
    [/^user\.level(\d+)\.compression\.logits\.(weight|bias)$/, (k) => ({ cols: logits(k) })],
    [/^user\.level(\d+)\.compression\.output\.weight$/, (k) => ({ rows: logits(k) })],
    [/^user\.level(\d+)\.cross\.down\d+\.weight$/, (k) => ({ rows: numbers(tokens[k - 1]) })],
    [/^user\.level(\d+)\.cross\.up\d+\.(weight|bias)$/, (k) => ({ cols: numbers(tokens[k - 1]) })],
    [/^user\.level(\d+)\.(cross|mixer)\.tokens\.weight$/, (k) => ({ cols: tokens[k - 1] })],
    [/^user\.level(\d+)\.mixer\.token-hidden\.weight$/, (k) => ({ cols: tokens[k - 1] })],
    [/^user\.level(\d+)\.mixer\.token-output\.weight$/, (k) => ({ rows: tokens[k - 1] })],
    [/^user\.level(\d+)\.mixer\.token-output\.bias$/, (k) => ({ cols: tokens[k - 1] })],
    [/^user\.output\.weight$/, () => ({ rows: numbers(tokens[levels.length]) })],
    [/^mix\.(item-vector|from-item)\.weight$/, () => ({ rows: x })],
  ]
  return (name) => {
    for (const [pattern, axes] of rules) {
      const match = pattern.exec(name)
      if (match) return { rows: null, cols: null, ...axes(Number(match[1])) }
    }
    return { rows: null, cols: null }
  }
}
