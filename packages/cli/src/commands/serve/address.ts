/** Where a server listens, and what its operator should know of that. */
import type { AddressInfo } from 'node:net'

/** The URL of what a server is bound to: on all addresses of the machine it names them all, not one of them. */
export function addressOf({ address, port }: AddressInfo, isSecure: boolean): string {
  return `http${isSecure ? 's' : ''}://${address.includes(':') ? `[${address}]` : address}:${port}`
}

/** What is wrong where others than this machine reach a server without TLS; null elsewhere. */
export async function plaintextWarning(host: string, url: string, isSecure: boolean): Promise<Error | null> {
  const { isLoopback } = await import('@headwater/service')
  if (isSecure || isLoopback(host)) return null
  return new PlaintextWarning(
    `NO TLS on ${url}: tokens, users and what is answered can be read on the way there, and whoever reads a token can use it. ` +
      'Give --tls-key and --tls-cert, or listen on 127.0.0.1 behind a proxy that ends TLS.',
  )
}

class PlaintextWarning extends Error {
  override readonly name = 'PlaintextWarning'
}
