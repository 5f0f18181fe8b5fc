import { ROOT_CONTEXT, type SpanContext, trace } from '@opentelemetry/api'
import type { RefreshedBatch } from '../observer.ts'
import { tracer } from './tracing.ts'

/** Users whose spans are remembered. */
const maxUsers = 10_000
/** Links of one span; a batch may hold more users. */
const maxLinks = 128

/** Spans of refreshes, made once a batch has landed and linked to those of the events and reads that offered them. */
export class RefreshSpans {
  /** Span of the last request that offered, by tenant and user, the oldest first. */
  readonly #offers = new Map<string, SpanContext>()

  offered(tenant: string, users: readonly string[], span: SpanContext): void {
    for (const user of users) {
      const key = keyOf(tenant, user)
      this.#offers.delete(key)
      this.#offers.set(key, span)
    }
    for (const key of this.#offers.keys()) {
      if (this.#offers.size <= maxUsers) break
      this.#offers.delete(key)
    }
  }

  /** Attributes name no user. */
  refreshed(tenant: string, { model, users, rows, encodeMs, appendMs }: RefreshedBatch): void {
    const endMs = Date.now()
    const appendFromMs = endMs - appendMs
    const startTime = appendFromMs - encodeMs
    const links = this.#offers.size === 0 ? [] : this.#linksOf(tenant, users)
    const attributes = { 'headwater.tenant': tenant, 'headwater.model': model, 'headwater.rows': rows }
    const span = tracer.startSpan('headwater.refresh', { startTime, links, attributes }, ROOT_CONTEXT)
    if (!span.isRecording()) return
    const parent = trace.setSpan(ROOT_CONTEXT, span)
    tracer.startSpan('encode', { startTime }, parent).end(appendFromMs)
    tracer.startSpan('append', { startTime: appendFromMs }, parent).end(endMs)
    span.end(endMs)
  }

  #linksOf(tenant: string, users: readonly string[]) {
    const spans = new Set<SpanContext>()
    for (const user of users) {
      const context = this.#offers.get(keyOf(tenant, user))
      if (context !== undefined && spans.size < maxLinks) spans.add(context)
    }
    return [...spans].map((context) => ({ context }))
  }
}

/** No tenant's name holds a NUL. */
function keyOf(tenant: string, user: string): string {
  return `${tenant}\0${user}`
}
