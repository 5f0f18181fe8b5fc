/** Spans of requests, for whatever tracer the process has registered with OpenTelemetry's API. */
import type { IncomingMessage } from 'node:http'
import { type ServedBatch, servedStatus } from '@headwater/pooling'
import {
  context,
  defaultTextMapGetter,
  INVALID_TRACEID,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import type { RequestObserver } from './request-observer.ts'

/** Of all the service's spans. While no provider is registered its spans record nothing and cost next to nothing. */
export const tracer = trace.getTracer('@headwater/service')

const traceContext = new W3CTraceContextPropagator()

const spanNames: Readonly<Record<string, string>> = {
  '/v1/embeddings/read': 'headwater.read',
  '/v1/events': 'headwater.ingest',
  '/v1/users/:id/features': 'headwater.put-features',
}

/** What the API hands spans to while no provider is registered. */
const noProvider = new ProxyTracerProvider().getDelegate()

/** Whether a provider is registered; without one no request is put into a span. */
export function hasTracer(): boolean {
  const provider = trace.getTracerProvider()
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegate() !== noProvider
}

/** Of requests under way, where there is a provider. */
const spans = new WeakMap<IncomingMessage, Span>()

/**
 * Handles a read, or a request that changes what refreshes see, within a span, whose parent is the caller's as `traceparent`
 * names it; others as they are.
 */
export function inSpan(request: IncomingMessage, route: string, handle: () => void): void {
  const name = spanNames[route]
  const parent = traceContext.extract(ROOT_CONTEXT, request.headers, defaultTextMapGetter)
  const span = name === undefined ? null : tracer.startSpan(name, { kind: SpanKind.SERVER }, parent)
  // A span that is not sampled is still the parent of what the request makes others do.
  if (span === null || span.spanContext().traceId === INVALID_TRACEID) {
    handle()
    return
  }
  spans.set(request, span)
  context.with(trace.setSpan(parent, span), handle)
}

/** Ends a request's span. */
export const endSpan: RequestObserver = (request, { status, error, served }) => {
  const span = spans.get(request)
  if (span === undefined) return
  if (span.isRecording()) {
    span.setAttribute('http.response.status_code', status)
    if (served !== null) span.setAttributes(readAttributes(served))
    // The code alone: a message may hold what the caller sent.
    if (error !== null) span.setAttribute('error.type', error.code)
    if (status >= 500 || status === 0) span.setStatus({ code: SpanStatusCode.ERROR })
  }
  span.end()
}

/** The span of a request under way. */
export function spanOf(request: IncomingMessage): Span | undefined {
  return spans.get(request)
}

function readAttributes({ users, models }: ServedBatch) {
  const rows = [0, 0, 0]
  for (const { status } of models) for (const each of status) rows[each]++
  return {
    'headwater.users': users.length,
    'headwater.models': models.length,
    'headwater.stale': rows[servedStatus.stale],
    'headwater.default': rows[servedStatus.default],
  }
}
