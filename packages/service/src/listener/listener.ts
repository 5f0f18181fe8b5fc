import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { ServerLimits } from '../requests/limits.ts'
import { Door } from './door.ts'
import { ParsedRequest } from './parsed-request.ts'
import { closeWithConnection } from './queued-responses.ts'
import { writeTogether } from './write-together.ts'

/** Keys and certificates, as PEM. */
export interface TlsOptions {
  readonly key: string | Buffer
  readonly cert: string | Buffer
  /** Mutual TLS: authorities of the certificates that callers must show. */
  readonly clientCa?: string | Buffer
}

/** The server that listens: HTTP, or HTTPS and nothing else. @param door that its connections come in by */
export function createListener(
  limits: ServerLimits,
  tls: TlsOptions | undefined,
  answerOne: RequestListener,
  door = new Door(limits),
): Server {
  const answer: RequestListener = (request, response) => {
    // It is behind another one of the connection's.
    if (response.socket === null) closeWithConnection(response, request.socket)
    door.pass(request, response, () => answerOne(request, response))
  }
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
  door.guard(server)
  server.on('checkContinue', (request, response) => {
    // Where the answer waits for one before it, Node would put the word to go on between its head and its body. Without the
    // word it closes the connection.
    if (response.socket !== null) response.writeContinue()
    answer(request, response)
  })
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
