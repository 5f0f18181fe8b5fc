/** Who may do what: authentication, scopes, tenants, and how many at once. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { WireError } from '../wire/wire-error.ts'
import type { Principal, Scope, Tokens } from './tokens.ts'
import { scopes } from './tokens.ts'

/** Whoever comes over loopback where there are no tokens. */
const loopbackPrincipal: Principal = { name: 'loopback', tenant: 'default', scopes }

/**
 * @param auth 'loopback': no tokens, and nobody from elsewhere
 * @throws WireError `unauthenticated`, `forbidden`, `loopback_only`
 */
export function admit(request: FastifyRequest, auth: Tokens | 'loopback', scope: Scope): Principal {
  const principal = auth === 'loopback' ? fromLoopback(request) : fromToken(request, auth)
  if (!principal.scopes.includes(scope)) {
    throw new WireError('forbidden', `the token "${principal.name}" has not the scope "${scope}"; use one that has`)
  }
  return principal
}

function fromToken(request: FastifyRequest, tokens: Tokens): Principal {
  const [, token] = /^Bearer +([\w~+/.=-]{1,512})$/i.exec(request.headers.authorization ?? '') ?? []
  const principal = token === undefined ? undefined : tokens.find(token)
  if (principal !== undefined) return principal
  const problem = request.headers.authorization === undefined ? 'there is no token' : 'the token is not known'
  throw new WireError('unauthenticated', `${problem}; send "authorization: Bearer TOKEN"`)
}

function fromLoopback(request: FastifyRequest): Principal {
  // By its name a page in a browser, whose host was made to resolve to this machine, is told from this machine's own callers.
  const host = request.hostname.replace(/^\[(.*)\]$/, '$1')
  if (isLoopback(request.socket.remoteAddress ?? '') && isLoopback(host)) return loopbackPrincipal
  throw new WireError(
    'loopback_only',
    'the server has no tokens and serves its own machine alone; give it a tokens file',
  )
}

/** Whether an address, or a host to listen on, is the machine itself. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^(::ffff:)?127(\.\d{1,3}){3}$/.test(host)
}

/** Counts requests under way. */
export class Concurrency {
  readonly #most: number
  #now = 0
  #onIdle: (() => void) | null = null

  constructor(most: number) {
    this.#most = most
  }

  get now(): number {
    return this.#now
  }

  /** Counts a request until its connection is done with it, aborted ones included. @throws WireError `too_many_requests` */
  enter(reply: FastifyReply): void {
    if (this.#now >= this.#most) {
      throw new WireError('too_many_requests', `${this.#most} requests are under way; wait and send it again`)
    }
    this.#now++
    reply.raw.once('close', () => {
      if (--this.#now === 0) this.#onIdle?.()
    })
  }

  /** Resolves once nothing is under way, or after `maxMs`. */
  async idle(maxMs: number): Promise<void> {
    if (this.#now === 0) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve
      timer = setTimeout(resolve, maxMs)
    })
    clearTimeout(timer)
  }
}
