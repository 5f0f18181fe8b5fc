/** What holds for a request of any route, whichever way it is answered. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { WireError } from '@headwater/client/wire'
import { admit } from '../access/admission.ts'
import { RateLimit } from '../access/rate-limit.ts'
import { type Principal, type Scope, scopes, type Tokens } from '../access/tokens.ts'
import type { Figures } from '../figures/figures.ts'
import { Histograms } from '../figures/histograms.ts'
import type { RequestObserver } from '../observation/request-observer.ts'
import { hasTracer, inSpan } from '../observation/tracing.ts'
import { deadlineOf } from '../requests/deadline.ts'
import type { ServerLimits } from '../requests/limits.ts'
import { DelayGate, fewRequests } from './delay-gate.ts'
import { LoopWait } from './loop-wait.ts'
import { QuickRefusal } from './quick-refusal.ts'
import { RequestContext } from './request-context.ts'
import { RequestsUnderWay } from './requests-under-way.ts'

export interface RouteRule {
  readonly scope: Scope
  readonly counted: boolean
}

interface AdmissionOptions {
  readonly auth: Tokens | 'loopback'
  readonly limits: ServerLimits
  readonly observers: readonly RequestObserver[]
  readonly tenants: number
  /** Scopes that are answered; absent: all. */
  readonly scopes?: readonly Scope[] | undefined
}

type ShedReason = 'delay' | 'concurrency' | 'deadline' | 'arrival'

/** Of a tenant that is not alone. */
const tenantShare = 0.75
const waitBounds = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1, 3]

export class AdmissionControl {
  /** Requests that come once it is set are refused. */
  isDraining = false
  /** Requests that count against limits. */
  readonly underWay = new RequestsUnderWay()
  readonly #auth: Tokens | 'loopback'
  readonly #limits: ServerLimits
  readonly #maxOfTenant: number
  readonly #answered: readonly Scope[]
  readonly #observers: readonly RequestObserver[]
  readonly #rate: RateLimit | null
  /** Of callers who are not let in, apart from the others': they could be of any number of addresses. */
  readonly #strangers: RateLimit | null
  readonly #wait = new LoopWait()
  readonly #gate = new DelayGate()
  /** Requests that were not begun, by reason. */
  readonly #shed: Record<ShedReason, number> = { delay: 0, concurrency: 0, deadline: 0, arrival: 0 }
  readonly #waits = new Histograms(
    'headwater_request_wait_seconds',
    'Longest that a request may have waited for the event loop before it was looked at.',
    waitBounds,
  )
  readonly #waited = this.#waits.part()
  readonly #tooLate = new QuickRefusal(tooLate)

  constructor({ auth, limits, observers, tenants, scopes: answered = scopes }: AdmissionOptions) {
    this.#auth = auth
    this.#limits = limits
    this.#observers = observers
    this.#answered = answered
    const { requestsPerSecond, burst, maxConcurrent, maxConcurrentPerTenant } = limits
    const rate = () => (requestsPerSecond === 0 ? null : new RateLimit(requestsPerSecond, burst || requestsPerSecond))
    this.#rate = rate()
    this.#strangers = rate()
    const share = tenants === 1 ? maxConcurrent : Math.ceil(tenantShare * maxConcurrent)
    this.#maxOfTenant = maxConcurrentPerTenant || share
  }

  /** Shows what is under way, how long it waited, and what was shed. */
  register(figures: Figures): void {
    figures.gauge('headwater_requests_under_way', 'Requests that are not answered yet.', () => this.underWay.count)
    figures.counters(
      'headwater_requests_shed_total',
      'Requests that were not begun, to answer others in time, by reason.',
      ['reason'],
      () => Object.entries(this.#shed).map(([reason, count]) => [[reason], count]),
    )
    figures.add(this.#waits)
  }

  /**
   * Begins a request, which `handle` goes on with, unless it has waited for too long: that is said before it is known who asks, as
   * a refusal has to cost little. Observers are called once the connection is done with it, aborted or not.
   *
   * @param rule of its route; absent: of a route that is open to everyone
   * @returns whether it has begun; else it is answered
   */
  begin(
    request: IncomingMessage,
    response: ServerResponse,
    route: string,
    handle: (context: RequestContext) => void,
    rule?: RouteRule,
  ): boolean {
    const nowMs = performance.now()
    if (rule !== undefined && this.#isTooLate(nowMs, rule.scope)) {
      this.#refuseAtOnce(request, response, route)
      return false
    }
    const context = new RequestContext(route, nowMs, this.#wait.waitedMs(nowMs), this.#wait.turnMs)
    response.on('close', () => this.#end(context, request, response))
    if (hasTracer()) inSpan(request, route, () => handle(context))
    else handle(context)
    return true
  }

  /**
   * Whether a request is let in, by its head alone.
   *
   * @throws WireError `overloaded`, `too_many_requests`, `deadline_exceeded`, `invalid_request`, `unknown_route`, and what `admit`
   *   throws
   */
  admit(context: RequestContext, request: IncomingMessage, { scope, counted }: RouteRule): void {
    const principal = this.#principalOf(context, request, scope)
    context.principal = principal
    if (!this.#answered.includes(scope)) {
      const problem = `requests of the scope "${scope}" are not answered here`
      throw new WireError('unknown_route', `${problem}; ask a server whose role has them`)
    }
    const { arrivedMs } = context
    if (this.#rate !== null) {
      this.#rate.take(this.#auth === 'loopback' ? request.socket.remoteAddress : principal, arrivedMs)
    }
    const { maxConcurrent, maxDeadlineMs } = this.#limits
    const deadlineMs = deadlineOf(request.headers)
    context.hasDeadline = deadlineMs !== undefined
    context.endMs = context.turnMs + Math.min(deadlineMs ?? maxDeadlineMs, maxDeadlineMs)
    context.isOfDrain = this.isDraining
    // It is refused once its body has come: its connection ends with the answer, and bytes that nobody reads would reset it.
    if (context.isOfDrain) return
    if (context.endMs <= arrivedMs) this.#refuse('deadline', pastDeadline)
    this.#wait.letIn()
    if (counted && this.underWay.arrive(context, request) > maxConcurrent) {
      this.#shed.arrival++
      this.underWay.cutFirst()
    }
  }

  /**
   * Its body has come: now it may be worked on. Nothing where it does not count.
   *
   * @throws WireError `draining`, `overloaded`, `too_many_requests`, `deadline_exceeded`
   */
  work(context: RequestContext): void {
    if (context.isOfDrain) throw new WireError('draining', 'the server is stopping; ask another one, or later')
    if (!this.underWay.isArriving(context)) return
    if (context.endMs <= performance.now()) this.#refuse('deadline', pastDeadline)
    const { tenant } = context.principal!
    if (this.underWay.working >= this.#limits.maxConcurrent) this.#refuse('concurrency', tooMany)
    if (this.underWay.workingOf(tenant) >= this.#maxOfTenant) {
      const problem = `${this.#maxOfTenant} requests of the tenant are under way`
      throw new WireError('too_many_requests', `${problem}; wait and send it again`)
    }
    this.underWay.work(context)
  }

  #isTooLate(nowMs: number, scope: Scope): boolean {
    // Who runs the service acts, and looks, when it is overloaded.
    if ((scope !== 'read' && scope !== 'write') || this.isDraining || !this.#answered.includes(scope)) return false
    const waitedMs = this.#wait.waitedMs(nowMs)
    this.#waited.add(waitedMs / 1_000)
    const targetMs = Math.max(this.#limits.targetDelayMs, fewRequests * this.#wait.serviceMs)
    return !this.#gate.letsIn(waitedMs, targetMs, nowMs, nowMs - this.#wait.turnMs, this.#wait.letInCount)
  }

  #refuseAtOnce(request: IncomingMessage, response: ServerResponse, route: string): void {
    this.#shed.delay++
    this.#tooLate.answer(request, response)
    const end = { route, status: tooLate.status, ms: 0, principal: null, error: tooLate, served: null }
    for (const ended of this.#observers) ended(request, end)
  }

  #refuse(reason: ShedReason, refusal: WireError): never {
    this.#shed[reason]++
    throw refusal
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
    this.underWay.end(context)
    const { route, principal, error, served, arrivedMs } = context
    const status = response.headersSent ? response.statusCode : 0
    const end = { route, status, ms: performance.now() - arrivedMs, principal, error, served }
    for (const ended of this.#observers) ended(request, end)
    context.onLeft?.left()
  }
}

// Made once: an error takes longer to make than a request to refuse, as it notes where it was made.
const tooLate = new WireError('overloaded', 'requests wait for too long here; wait and send it again')
const tooMany = new WireError('overloaded', 'too many requests are under way; wait and send it again')
const pastDeadline = new WireError(
  'deadline_exceeded',
  'the deadline had passed before the work began; nothing was done',
)
