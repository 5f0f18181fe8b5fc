/** Who may do what: authentication, scopes and tenants. */
import type { IncomingMessage } from 'node:http'
import { TLSSocket } from 'node:tls'
import { WireError } from '@headwater/client/wire'
import { type Principal, type Scope, scopes, type Tokens } from './tokens.ts'

/** Every caller over loopback where there are no tokens. */
const loopbackPrincipal: Principal = { name: 'loopback', tenant: 'default', scopes }

/**
 * @param auth 'loopback': no tokens, and nobody from elsewhere
 * @throws WireError `unauthenticated`, `forbidden`, `loopback_only`, `cross_site`
 */
export function admit(request: IncomingMessage, auth: Tokens | 'loopback', scope: Scope): Principal {
  const principal = auth === 'loopback' ? fromLoopback(request) : fromToken(request, auth)
  // A token is sent by who has it. An address or a certificate comes with whatever page the browser shows.
  if (request.headers.authorization === undefined) refuseOtherSites(request)
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

/**
 * A page of another site can have a browser send a request that it cannot read the answer of, so it may change nothing.
 * Browsers say whose page it is by `sec-fetch-site`, older ones by `origin`; other callers say neither.
 *
 * @throws WireError `cross_site`
 */
function refuseOtherSites({ method, headers }: IncomingMessage): void {
  if (method === 'GET' || method === 'HEAD') return
  const { origin, host } = headers
  const site = headers['sec-fetch-site']
  const isOwn =
    site === undefined ? origin === undefined || /^https?:\/\/(.+)$/.exec(origin)?.[1] === host : ownSites.has(site)
  if (!isOwn)
    throw new WireError('cross_site', 'a page of another site sent it; send it with a token, or from elsewhere')
}

const ownSites: ReadonlySet<unknown> = new Set(['same-origin', 'none'])

/** A host without its port, and without the brackets of an IPv6 address; '' where it is none. */
function hostnameOf(host: string): string {
  const [, ipv6, name = ipv6] = /^(?:\[([^[\]]*)\]|([^:]*))(?::\d*)?$/.exec(host) ?? []
  return name ?? ''
}

/** Whether an address, or a host to listen on, is the machine itself. */
export function isLoopback(host: string): boolean {
  return host === '127.0.0.1' || host === 'localhost' || host === '::1' || /^(::ffff:)?127(\.\d{1,3}){3}$/.test(host)
}
