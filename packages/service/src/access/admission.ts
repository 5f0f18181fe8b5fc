/** Who may do what: authentication, scopes and tenants. */
import type { IncomingMessage } from 'node:http'
import { TLSSocket } from 'node:tls'
import { WireError } from '@headwater/client/wire'
import { type Principal, type Scope, scopes, type Tokens } from './tokens.ts'

/** Every caller over loopback where there are no tokens. */
const loopbackPrincipal: Principal = { name: 'loopback', tenant: 'default', scopes }

/**
 * @param auth 'loopback': no tokens, and nobody from elsewhere
 * @throws WireError `unauthenticated`, `forbidden`, `loopback_only`
 */
export function admit(request: IncomingMessage, auth: Tokens | 'loopback', scope: Scope): Principal {
  const principal = auth === 'loopback' ? fromLoopback(request) : fromToken(request, auth)
  if (!principal.scopes.includes(scope)) {
    throw new WireError('forbidden', `the token "${principal.name}" has not the scope "${scope}"; use one that has`)
  }
  return principal
}

const bearer = /^Bearer +([\w~+/.=-]{1,512})$/i

/** By the token; without one, by the certificate that the connection was made with. */
function fromToken(request: IncomingMessage, tokens: Tokens): Principal {
  const { authorization } = request.headers
  const token = authorization === undefined ? null : bearer.exec(authorization)
  const principal = token === null ? undefined : tokens.find(token[1])
  if (principal !== undefined) return principal
  if (authorization !== undefined) refuse('the token is not known')
  return fromCertificate(request, tokens) ?? refuse('there is no token')
}

function refuse(problem: string): never {
  throw new WireError('unauthenticated', `${problem}; send "authorization: Bearer TOKEN"`)
}

/** A connection's certificate is looked at once. */
const certified = new WeakMap<TLSSocket, Principal | undefined>()

function fromCertificate({ socket }: IncomingMessage, tokens: Tokens): Principal | undefined {
  if (!(socket instanceof TLSSocket && socket.authorized)) return undefined
  if (!certified.has(socket)) {
    const fingerprint = socket.getPeerX509Certificate()?.fingerprint256
    certified.set(socket, fingerprint === undefined ? undefined : tokens.findCertificate(fingerprint))
  }
  return certified.get(socket)
}

function fromLoopback(request: IncomingMessage): Principal {
  // By its name a page in a browser, whose host was made to resolve to this machine, is told from this machine's own callers.
  const host = hostnameOf(request.headers.host ?? '')
  if (isLoopback(request.socket.remoteAddress ?? '') && isLoopback(host)) return loopbackPrincipal
  throw new WireError(
    'loopback_only',
    'the server has no tokens and serves its own machine alone; give it a tokens file',
  )
}

/** A host without its port, and without the brackets of an IPv6 address. */
function hostnameOf(host: string): string {
  const portAt = host.indexOf(':', host.lastIndexOf(']') + 1)
  const name = portAt < 0 ? host : host.slice(0, portAt)
  return name.startsWith('[') && name.endsWith(']') ? name.slice(1, -1) : name
}

/** Whether an address, or a host to listen on, is the machine itself. */
export function isLoopback(host: string): boolean {
  return host === '127.0.0.1' || host === 'localhost' || host === '::1' || /^(::ffff:)?127(\.\d{1,3}){3}$/.test(host)
}
