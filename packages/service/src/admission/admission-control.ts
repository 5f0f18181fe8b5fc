/** What holds for a request of any route, whichever way it is answered. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { WireError } from '@headwater/client/wire'
import type { ServedBatch } from '@headwater/pooling'
import { admit, Concurrency } from '../access/admission.ts'
import { RateLimit } from '../access/rate-limit.ts'
import { type Principal, type Scope, scopes, type Tokens } from '../access/tokens.ts'
import type { RequestObserver } from '../observation/request-observer.ts'
import { deadlineOf } from '../requests/deadline.ts'
import type { ServerLimits } from '../requests/limits.ts'

/** What a route asks of its callers. */
export interface RouteRule {
  readonly scope: Scope
  /** Whether it counts against `maxConcurrent`. */
  readonly counted: boolean
}

export class AdmissionControl {
  /** Once it is set, nobody is let in any more. */
  isDraining = false
  readonly concurrency: Concurrency
  readonly #auth: Tokens | 'loopback'
  readonly #answered: readonly Scope[]
  readonly #maxDeadlineMs: number
  readonly #rate: RateLimit | null
  /** Of callers who are not let in, apart from the others': they could be of any number of addresses. */
  readonly #strangers: RateLimit | null
  readonly #around: readonly RequestObserver[]
  readonly #ended: readonly RequestObserver[]

  constructor(
    auth: Tokens | 'loopback',
    limits: ServerLimits,
    observers: readonly RequestObserver[],
    answered: readonly Scope[] = scopes,
  ) {
    const { requestsPerSecond, burst, maxConcurrent, maxDeadlineMs } = limits
    this.concurrency = new Concurrency(maxConcurrent)
    this.#auth = auth
    this.#answered = answered
    this.#maxDeadlineMs = maxDeadlineMs
    const rate = () => (requestsPerSecond === 0 ? null : new RateLimit(requestsPerSecond, burst || requestsPerSecond))
    this.#rate = rate()
    this.#strangers = rate()
    this.#around = observers.filter(({ around }) => around !== undefined)
    this.#ended = observers.filter(({ ended }) => ended !== undefined)
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
    let depth = 0
    while (depth < this.#around.length && this.#around[depth].isAround?.() === false) depth++
    if (depth === this.#around.length) handle(context)
    else this.#handleWithin(depth, request, route, () => handle(context))
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
    if (counted) {
      this.concurrency.enter()
      context.isCounted = true
    }
    const deadlineMs = deadlineOf(request.headers)
    context.hasDeadline = deadlineMs !== undefined
    context.endMs = context.arrivedMs + Math.min(deadlineMs ?? this.#maxDeadlineMs, this.#maxDeadlineMs)
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

  #handleWithin(depth: number, request: IncomingMessage, route: string, handle: () => void): void {
    if (depth === this.#around.length) handle()
    else if (this.#around[depth].isAround?.() === false) this.#handleWithin(depth + 1, request, route, handle)
    else this.#around[depth].around!(request, route, () => this.#handleWithin(depth + 1, request, route, handle))
  }

  #end(context: RequestContext, request: IncomingMessage, response: ServerResponse): void {
    if (context.isCounted) this.concurrency.leave()
    const { route, principal, error, served, arrivedMs } = context
    const status = response.headersSent ? response.statusCode : 0
    const end = { route, status, ms: performance.now() - arrivedMs, principal, error, served }
    for (const observer of this.#ended) observer.ended!(request, end)
    context.onLeft?.left()
  }
}

/** One request, from its arrival on. */
export class RequestContext {
  readonly route: string
  /** By `performance.now()`, as is `endMs`. */
  readonly arrivedMs = performance.now()
  /** Its deadline. */
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
