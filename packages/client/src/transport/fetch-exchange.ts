import type { Exchange } from './exchange.ts'

/** Exchanges over `fetch`, which keeps connections alive by itself. */
export function fetchExchange(url: string, ask: typeof fetch): Exchange {
  return async ({ path, ...request }) => {
    const response = await ask(`${url}${path}`, request)
    return {
      status: response.status,
      contentType: response.headers.get('content-type') ?? '',
      retryAfter: response.headers.get('retry-after'),
      body: new Uint8Array(await response.arrayBuffer()),
    }
  }
}
