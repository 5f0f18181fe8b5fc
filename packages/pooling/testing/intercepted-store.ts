import type { EmbeddingStore } from '@headwater/store'

/** Calls of a store that are made in place of its own, as long as they are here. */
export type Intercepted = { -readonly [K in keyof EmbeddingStore]?: EmbeddingStore[K] }

/** A real store but for some of its calls. */
export function interceptStore(store: EmbeddingStore, calls: Intercepted): EmbeddingStore {
  return new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(calls, name) ?? Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
