import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { ServerLimits } from './limits.ts'
import { ParsedRequest } from './parsed-request.ts'
import type { TlsOptions } from './server-options.ts'
import { writeTogether } from './write-together.ts'

/** The server that listens: HTTP, or HTTPS and nothing else. */
export function createListener(limits: ServerLimits, tls: TlsOptions | undefined, answer: RequestListener): Server {
  const settings = {
    IncomingMessage: ParsedRequest,
    headersTimeout: limits.arrivalTimeoutMs,
    requestTimeout: limits.arrivalTimeoutMs,
    connectionsCheckingInterval: Math.min(1_000, limits.arrivalTimeoutMs),
    keepAliveTimeout: 72_000,
  }
  const server =
    tls === undefined
      ? createServer(settings, answer)
      : createTlsServer({ ...settings, ...tlsOf(tls, limits.arrivalTimeoutMs) }, answer)
  server.maxConnections = limits.maxConnections
  // Of HTTPS these connections carry what is encrypted already.
  if (tls === undefined) server.on('connection', writeTogether)
  return server
}

function tlsOf({ key, cert, clientCa }: TlsOptions, handshakeTimeout: number) {
  return {
    key,
    cert,
    minVersion: 'TLSv1.2' as const,
    handshakeTimeout,
    ...(clientCa !== undefined && { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
  }
}
