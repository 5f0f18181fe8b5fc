/** The client as Node imports it: the same, over Node's own HTTP. */
import { Client, type ClientOptions } from './client/client.ts'
import { createClient as createFetchClient } from './index.ts'
import { type ClientTls, nodeExchange } from './transport/node-exchange.ts'

export * from './index.ts'
export { type ClientTls, nodeExchange } from './transport/node-exchange.ts'

export interface NodeClientOptions extends ClientOptions {
  /** For `https:` URLs; not with a `fetch` of your own. */
  readonly tls?: ClientTls
}

/**
 * A client of the service at a URL; it holds no connection until it is used, and needs no closing.
 *
 * @throws ClientError for a URL that is none
 */
export function createClient(options: NodeClientOptions): Client {
  if (options.fetch !== undefined) return createFetchClient(options)
  return new Client(options, nodeExchange(options.url, options.tls))
}
