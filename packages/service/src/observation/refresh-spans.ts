import type { FailedBatch, RefreshedBatch } from '@headwater/pooling'
import { ROOT_CONTEXT, type SpanContext, SpanStatusCode, trace } from '@opentelemetry/api'
import { wireErrorOf } from '../failures/failure.ts'
import { tracer } from './tracing.ts'

/** Users whose spans are remembered. */
const maxUsers = 10_000
/** Links of one span; a batch may hold more users. */
const maxLinks = 128

/** Spans of refreshes, made once a batch was written or failed and linked to those of the events and reads that asked for them. */
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

  forget(tenant: string, user: string): void {
    this.#offers.delete(keyOf(tenant, user))
  }

  refreshed(tenant: string, batch: RefreshedBatch): void {
    this.#end(tenant, { ...batch, isShadow: false, error: null })
  }

  failed(tenant: string, batch: FailedBatch): void {
    // Defaults are nobody's refresh.
    if (batch.users.length > 0) this.#end(tenant, batch)
  }

  /**
   * Attributes name no user, and an error is given by its code, as its message may name one.
   * @param batch whose error is null: it was written
   */
  #end(tenant: string, { model, users, encodeMs, appendMs, isShadow, error }: FailedBatch): void {
    const endMs = Date.now()
    const appendFromMs = endMs - (appendMs ?? 0)
    const startTime = appendFromMs - (encodeMs ?? 0)
    const links = this.#offers.size === 0 ? [] : this.#linksOf(tenant, users)
    const attributes = {
      'headwater.tenant': tenant,
      'headwater.rows': users.length,
      ...(model !== null && { 'headwater.model': model }),
      ...(isShadow && { 'headwater.shadow': true }),
      ...(error !== null && { 'error.type': wireErrorOf(error).code }),
    }
    const span = tracer.startSpan('headwater.refresh', { startTime, links, attributes }, ROOT_CONTEXT)
    if (!span.isRecording()) return
    if (error !== null) span.setStatus({ code: SpanStatusCode.ERROR })
    const parent = trace.setSpan(ROOT_CONTEXT, span)
    if (encodeMs !== null) tracer.startSpan('encode', { startTime }, parent).end(appendFromMs)
    if (appendMs !== null) tracer.startSpan('append', { startTime: appendFromMs }, parent).end(endMs)
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
