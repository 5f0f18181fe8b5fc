import type { EmbeddingStore } from '@headwater/store'

/** Names the parts of a store that have these users: what is about the same parts waits for the same servers. */
export function partsOf(store: EmbeddingStore, users: readonly string[]): string {
  const parts = new Set(users.map((user) => store.partOf(user)))
  return parts.size === 1 ? [...parts][0] : [...parts].sort().join()
}
