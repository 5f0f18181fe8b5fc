/** Spans as an exporter gets them, against the calls that were made. */
import type { IncomingMessage } from 'node:http'
import { WireError } from '@headwater/client/wire'
import type { ServedBatch } from '@headwater/pooling'
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { RequestEnd } from './request-observer.ts'

// The tracer of a module stays with the first provider that it meets, which may be another file's.
vi.resetModules()
const { endSpan, inSpan, spanOf } = await import('./tracing.ts')

const exporter = new InMemorySpanExporter()
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const spanId = '00f067aa0ba902b7'
const read = '/v1/embeddings/read'

/** A request that is handled and ended. */
function pass(route: string, headers: Record<string, string> = {}, end: Partial<RequestEnd> = {}) {
  const request = { headers } as unknown as IncomingMessage
  let handled = 0
  inSpan(request, route, () => handled++)
  expect(handled).toBe(1)
  const span = spanOf(request)
  endSpan(request, { route, status: 200, ms: 1, principal: null, error: null, served: null, ...end })
  return span
}

describe('without a provider', () => {
  it('requests are handled without a span', () => {
    expect(pass(read)).toBeUndefined()
  })
})

describe('with one', () => {
  beforeAll(() => {
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }))
    return () => trace.disable()
  })
  afterEach(() => exporter.reset())

  it('a span is a child of the caller’s', () => {
    pass(read, { traceparent: `00-${traceId}-${spanId}-01`, tracestate: 'vendor=1' })
    const [span] = exporter.getFinishedSpans()
    expect(span.name).toBe('headwater.read')
    expect(span.kind).toBe(SpanKind.SERVER)
    expect(span.spanContext().traceId).toBe(traceId)
    expect(span.parentSpanContext).toMatchObject({ spanId, isRemote: true })
    expect(span.spanContext().traceState?.get('vendor')).toBe('1')
  })

  it('reads and ingests have one, other routes have none', () => {
    pass('/v1/events')
    pass('/healthz')
    pass('unknown')
    expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual(['headwater.ingest'])
  })

  it('a caller that does not sample has nothing recorded', () => {
    const span = pass(read, { traceparent: `00-${traceId}-${spanId}-00` })
    expect(span?.spanContext().traceId).toBe(traceId)
    expect(exporter.getFinishedSpans()).toEqual([])
  })

  it('what is no trace context begins a trace of its own', () => {
    const wrong = [
      `00-${'0'.repeat(32)}-${spanId}-01`,
      `00-${traceId}-${'0'.repeat(16)}-01`,
      `ff-${traceId}-${spanId}-01`,
      `00-${traceId.toUpperCase()}-${spanId}-01`,
      `00-${traceId}-${spanId}-01x`,
      `00-${traceId}-${spanId}`,
      'x'.repeat(10_000),
      '',
    ]
    for (const traceparent of wrong) pass(read, { traceparent })
    const spans = exporter.getFinishedSpans()
    expect(spans).toHaveLength(wrong.length)
    for (const span of spans) {
      expect(span.parentSpanContext).toBeUndefined()
      expect(span.spanContext().traceId).not.toBe(traceId)
    }
    // A later version may say more.
    pass(read, { traceparent: `01-${traceId}-${spanId}-01-more` })
    expect(exporter.getFinishedSpans().at(-1)?.spanContext().traceId).toBe(traceId)
  })

  it('a failure is told by its code, and as an error where it is the server’s', () => {
    const fail = (status: number, error: WireError | null) => {
      pass('/v1/events', {}, { status, error })
      return exporter.getFinishedSpans().at(-1)!
    }
    const refused = fail(400, new WireError('invalid_key', 'users[0] "ann" is none'))
    expect(refused.attributes).toEqual({ 'http.response.status_code': 400, 'error.type': 'invalid_key' })
    expect(refused.status.code).toBe(SpanStatusCode.UNSET)
    const broken = fail(500, new WireError('internal', 'of user ann', { cause: new Error('ann') }))
    expect(broken.attributes['error.type']).toBe('internal')
    expect(broken.status.code).toBe(SpanStatusCode.ERROR)
    expect(fail(0, null).status.code).toBe(SpanStatusCode.ERROR)
    expect(JSON.stringify([broken.events, broken.status, broken.attributes, refused.attributes])).not.toContain('ann')
  })

  it('a read counts its users, models, and rows that were stale or none', () => {
    const served = {
      users: ['a', 'b', 'c'],
      servedMs: 1,
      models: [{ status: Uint8Array.of(0, 1, 2) }, { status: Uint8Array.of(2, 2, 0) }],
    } as unknown as ServedBatch
    pass(read, {}, { served })
    expect(exporter.getFinishedSpans()[0].attributes).toEqual({
      'http.response.status_code': 200,
      'headwater.users': 3,
      'headwater.models': 2,
      'headwater.stale': 1,
      'headwater.default': 3,
    })
  })
})
