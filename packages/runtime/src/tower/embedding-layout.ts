import type { SideLayout } from '@headwater/features'
import { type EmbeddingLayout, ItemVectors, type NamedMatrix, SnapshotError } from '@headwater/snapshot'
import { interceptColumns } from '../layers/ridge-memory.ts'
import { memoryTable } from '../tokens/memory-tokens.ts'
import { keptOf } from '../tokens/user-tokens.ts'
import { headEmbeddings, type ModelConfig, tokensOf } from './config.ts'

/**
 * Where a memory's coefficients stand among the J numbers of the embeddings, in the tower's own coordinates and, where it was lined up
 * by parts, in the published ones.
 * @param user layout of users
 * @returns null for a tower without a memory
 */
function embeddingLayout(config: ModelConfig, user: SideLayout): EmbeddingLayout | null {
  const memory = tokensOf(config.user, 'memory')
  if (!memory || keptOf(config.user.tokens, user) === 0) return null
  const { decays, width } = memory
  const learnt = headEmbeddings(config, user) * config.embeddings.width
  const heads = decays.map((_, h) => {
    const coefficients = learnt + h * (width + interceptColumns)
    return { coefficients, intercept: coefficients + width }
  })
  return { learnt, width, heads }
}

/**
 * The vectors that a memory regresses on, in the tower's own coordinates; null for a tower without a memory.
 * @throws SnapshotError where their table is missing
 */
export function ownItemVectors(
  config: ModelConfig,
  user: SideLayout,
  matrices: ReadonlyMap<string, NamedMatrix>,
): ItemVectors | null {
  const layout = embeddingLayout(config, user)
  if (!layout) return null
  const name = memoryTable(tokensOf(config.user, 'memory')!.shared)
  const table = matrices.get(name)
  if (!table)
    throw new SnapshotError(`There is no tensor ${name}, which its config asks for. Publish the snapshot again.`)
  return new ItemVectors(layout, table.data, name)
}
