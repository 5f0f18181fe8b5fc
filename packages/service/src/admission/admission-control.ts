/** What holds for a request of any route, whichever way it is answered. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { WireError } from '@headwater/client/wire'
import type { ServedBatch } from '@headwater/pooling'
import { admit } from '../access/admission.ts'
import { RateLimit } from '../access/rate-limit.ts'
import { type Principal, type Scope, scopes, type Tokens } from '../access/tokens.ts'
import type { RequestObserver } from '../observation/request-observer.ts'
import { hasTracer, inSpan } from '../observation/tracing.ts'
import { deadlineOf } from '../requests/deadline.ts'
import type { ServerLimits } from '../requests/limits.ts'

export interface RouteRule {
  readonly scope: Scope
  readonly counted: boolean
}

export class AdmissionControl {
  /** Once it is set, nobody is let in any more. */
  isDraining = false
  /** Requests that count against `maxConcurrent`. */
  underWay = 0
  readonly #auth: Tokens | 'loopback'
  readonly #limits: ServerLimits
  readonly #answered: readonly Scope[]
  readonly #observers: readonly RequestObserver[]
  readonly #rate: RateLimit | null
  /** Of callers who are not let in, apart from the others': they could be of any number of addresses. */
  readonly #strangers: RateLimit | null
  #onIdle: (() => void) | null = null

  constructor(
    auth: Tokens | 'loopback',
    limits: ServerLimits,
    observers: readonly RequestObserver[],
    answered: readonly Scope[] = scopes,
  ) {
    this.#auth = auth
    this.#limits = limits
    this.#observers = observers
    this.#answered = answered
    const { requestsPerSecond, burst } = limits
    const rate = () => (requestsPerSecond === 0 ? null : new RateLimit(requestsPerSecond, burst || requestsPerSecond))
    this.#rate = rate()
    this.#strangers = rate()
  }

  /** Begins a request, which `handle` goes on with. Observers are called once the connection is done with it, aborted or not. */
  begin(
    request: IncomingMessage,
    response: ServerResponse,
    route: string,
    handle: (context: RequestContext) => void,
  ): void {
    const context = new RequestContext(route)
    response.on('close', () => this.#end(context, request, response))
    if (hasTracer()) inSpan(request, route, () => handle(context))
    else handle(context)
  }

  /** Resolves once nothing is under way, or after `maxMs`. */
  async idle(maxMs: number): Promise<void> {
    if (this.underWay === 0) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve
      timer = setTimeout(resolve, maxMs)
    })
    clearTimeout(timer)
  }

  /** @throws WireError `draining`, `too_many_requests`, `invalid_request`, `unknown_route`, and what `admit` throws */
  admit(context: RequestContext, request: IncomingMessage, { scope, counted }: RouteRule): void {
    if (this.isDraining) throw new WireError('draining', 'the server is stopping; ask another one, or later')
    const principal = this.#principalOf(context, request, scope)
    context.principal = principal
    if (!this.#answered.includes(scope)) {
      const problem = `requests of the scope "${scope}" are not answered here`
      throw new WireError('unknown_route', `${problem}; ask a server whose role has them`)
    }
    if (this.#rate !== null) {
      this.#rate.take(this.#auth === 'loopback' ? request.socket.remoteAddress : principal, context.arrivedMs)
    }
    const { maxConcurrent, maxDeadlineMs } = this.#limits
    if (counted) {
      if (this.underWay >= maxConcurrent)
        throw new WireError('too_many_requests', `${maxConcurrent} requests are under way; wait and send it again`)
      this.underWay++
      context.isCounted = true
    }
    const deadlineMs = deadlineOf(request.headers)
    context.hasDeadline = deadlineMs !== undefined
    context.endMs = context.arrivedMs + Math.min(deadlineMs ?? maxDeadlineMs, maxDeadlineMs)
  }

  /** Only who is refused counts by its address: nobody who is known pays for others behind the same one. */
  #principalOf(context: RequestContext, request: IncomingMessage, scope: Scope): Principal {
    try {
      return admit(request, this.#auth, scope)
    } catch (refusal) {
      this.#strangers?.take(request.socket.remoteAddress, context.arrivedMs)
      throw refusal
    }
  }

  #end(context: RequestContext, request: IncomingMessage, response: ServerResponse): void {
    if (context.isCounted && --this.underWay === 0) this.#onIdle?.()
    const { route, principal, error, served, arrivedMs } = context
    const status = response.headersSent ? response.statusCode : 0
    const end = { route, status, ms: performance.now() - arrivedMs, principal, error, served }
    for (const ended of this.#observers) ended(request, end)
    context.onLeft?.left()
  }
}

export class RequestContext {
  readonly route: string
  /** By `performance.now()`, as is `endMs`. */
  readonly arrivedMs = performance.now()
  endMs = 0
  /** Whether the caller gave it. */
  hasDeadline = false
  principal: Principal | null = null
  isCounted = false
  error: WireError | null = null
  served: ServedBatch | null = null
  /** Called once all observers were. */
  onLeft: { left(): void } | null = null

  constructor(route: string) {
    this.route = route
  }
}
