/** Read, ingest, refresh and append of a service that listens, as an exporter sees them. */

import type { Encoder } from '@headwater/pooling'
import { encoderOf } from '@headwater/pooling/testing/towers'
import { SpanStatusCode, trace } from '@opentelemetry/api'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { beforeAll, beforeEach, expect, it, vi } from 'vitest'

// The tracer of a module stays with the first provider that it meets, which may be another file's.
vi.resetModules()
const { tokenOf } = await import('../../testing/http-service.ts')
const { observeService, until } = await import('../../testing/observed-service.ts')
const { RefreshSpans } = await import('./refresh-spans.ts')
const { StoreWriteError } = await import('@headwater/store')

const exporter = new InMemorySpanExporter()
beforeAll(() => {
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }))
  return () => trace.disable()
})
beforeEach(() => exporter.reset())

const spansNamed = (name: string) => exporter.getFinishedSpans().filter((span) => span.name === name)
const ms = ([seconds, nanos]: readonly [number, number]) => seconds * 1e3 + nanos / 1e6
const traceOf = (digit: string) => digit.repeat(32)
const callerOf = (digit: string) => ({ traceparent: `00-${traceOf(digit)}-${digit.repeat(16)}-01` })

it('a read is a child of its caller, a refresh is linked to the events that offered it', async () => {
  const { ask, pooling } = await observeService()
  const event = (user: string) => ({ users: [user], items: ['i'], timesMs: [Date.now()], fields: { rating: [9] } })
  await ask('POST', '/v1/events', event('ann'), tokenOf.boss, callerOf('a'))
  await until(() => pooling.counters.refreshes === 1)
  await ask('POST', '/v1/embeddings/read', { users: ['ann', 'cold'], models: ['m'] }, tokenOf.boss, callerOf('b'))
  await until(() => spansNamed('headwater.read').length === 1 && spansNamed('headwater.refresh').length === 1)

  const [read] = spansNamed('headwater.read')
  expect(read.spanContext().traceId).toBe(traceOf('b'))
  expect(read.attributes).toMatchObject({ 'headwater.users': 2, 'headwater.models': 1, 'headwater.default': 1 })
  const [ingest] = spansNamed('headwater.ingest')
  expect(ingest.spanContext().traceId).toBe(traceOf('a'))

  const [refresh] = spansNamed('headwater.refresh')
  expect(refresh.parentSpanContext).toBeUndefined()
  expect(refresh.links.map(({ context }) => context.spanId)).toEqual([ingest.spanContext().spanId])
  expect(refresh.attributes).toEqual({ 'headwater.tenant': 'default', 'headwater.model': 'm', 'headwater.rows': 1 })
  const [encode] = spansNamed('encode')
  const [append] = spansNamed('append')
  for (const child of [encode, append]) expect(child.parentSpanContext?.spanId).toBe(refresh.spanContext().spanId)
  // One after the other, and both of them the refresh.
  const times = (span: ReadableSpan) => [ms(span.startTime), ms(span.endTime)]
  expect(times(encode)[0]).toBeCloseTo(times(refresh)[0], 3)
  expect(times(encode)[1]).toBeCloseTo(times(append)[0], 3)
  expect(times(append)[1]).toBeCloseTo(times(refresh)[1], 3)

  // The same id at another tenant is another user, whose event nobody traced here.
  await ask('POST', '/v1/events', event('ann'), tokenOf.other, {
    traceparent: `00-${traceOf('c')}-${'c'.repeat(16)}-00`,
  })
  await until(() => spansNamed('headwater.refresh').length === 2)
  const [, untraced] = spansNamed('headwater.refresh')
  expect(untraced.links).toEqual([])
  expect(JSON.stringify(exporter.getFinishedSpans().map(({ name, attributes }) => [name, attributes]))).not.toMatch(
    /ann|cold/,
  )
})

it('a refresh that fails has a span too, which tells how far it came and names nobody', async () => {
  let fails = true
  const good = encoderOf(3)
  const encoder: Encoder = {
    ...good,
    encode: async (batch, users) => {
      if (fails && users[0] !== '') throw new Error('ann is too much for the device')
      return good.encode(batch, users)
    },
  }
  const { ask, pooling } = await observeService()
  await pooling.publish('m', encoder)
  await ask('PUT', '/v1/users/ann/features', { values: { country: 'NZ' } })
  await ask('POST', '/v1/events', { users: ['bob'], items: ['i'], timesMs: [Date.now()], fields: { rating: [9] } })
  await until(() => spansNamed('headwater.refresh').length >= 1)
  fails = false
  await until(() => pooling.counters.refreshes >= 1)
  const failed = spansNamed('headwater.refresh').filter(({ status }) => status.code === SpanStatusCode.ERROR)
  expect(failed.length).toBeGreaterThan(0)
  const requests = [...spansNamed('headwater.ingest'), ...spansNamed('headwater.put-features')]
  expect(requests).toHaveLength(2)
  for (const span of failed) {
    const rows = span.attributes['headwater.rows']
    expect(span.attributes).toEqual({
      'headwater.tenant': 'default',
      'headwater.model': 'm',
      'headwater.rows': rows,
      'error.type': 'internal',
    })
    expect(span.links).toHaveLength(Number(rows))
    for (const { context } of span.links)
      expect(requests.map((request) => request.spanContext().spanId)).toContain(context.spanId)
    const of = (name: string) =>
      spansNamed(name).filter(({ parentSpanContext }) => parentSpanContext?.spanId === span.spanContext().spanId)
    expect([of('encode').length, of('append').length]).toEqual([1, 0])
  }
  const told = exporter
    .getFinishedSpans()
    .map(({ name, attributes, status, events }) => [name, attributes, status, events])
  expect(JSON.stringify(told)).not.toMatch(/ann|bob/)
})

it('a store that fails has spent the time of encoding and of appending; what never came to an encoder, neither', () => {
  const spans = new RefreshSpans()
  const failure = { users: ['u', 'v'], isShadow: false }
  const error = new StoreWriteError('no disk')
  spans.failed('t', { ...failure, model: 'm', error, encodeMs: 20, appendMs: 30 })
  spans.failed('t', { ...failure, model: null, error: new Error('no state'), encodeMs: null, appendMs: null })
  spans.failed('t', { ...failure, model: 'm', error: new Error('no'), encodeMs: 20, appendMs: null, isShadow: true })
  // Of nobody: the defaults of segments.
  spans.failed('t', { ...failure, users: [], model: 'm', error: new Error('no'), encodeMs: null, appendMs: null })
  const lengths = (name: string) => spansNamed(name).map(({ duration }) => Math.round(ms(duration)))
  expect([lengths('headwater.refresh'), lengths('encode'), lengths('append')]).toEqual([[50, 0, 20], [20, 20], [30]])
  expect(spansNamed('headwater.refresh').map(({ attributes }) => attributes)).toEqual([
    { 'headwater.tenant': 't', 'headwater.model': 'm', 'headwater.rows': 2, 'error.type': 'store_unavailable' },
    { 'headwater.tenant': 't', 'headwater.rows': 2, 'error.type': 'internal' },
    {
      'headwater.tenant': 't',
      'headwater.model': 'm',
      'headwater.rows': 2,
      'headwater.shadow': true,
      'error.type': 'internal',
    },
  ])
})

it('nothing is linked to what a forgotten user did', async () => {
  const { ask, pooling } = await observeService()
  await ask('POST', '/v1/events', { users: ['ann'], items: ['i'], timesMs: [Date.now()], fields: { rating: [9] } })
  await until(() => pooling.counters.refreshes === 1)
  await ask('DELETE', '/v1/users/ann')
  pooling.offer('ann')
  await pooling.ingest([{ row: 0, user: 'ann', item: 'i', timeMs: Date.now() + 10, values: [9, null, null] }])
  await until(() => spansNamed('headwater.refresh').length === 2)
  expect(spansNamed('headwater.refresh').map(({ links }) => links.length)).toEqual([1, 0])
})

it('a refresh that a read offered is linked to the read, one that it did not is not', async () => {
  const { ask, pooling } = await observeService({}, { refreshOn: 'both' })
  const event = { users: ['ann'], items: ['i'], timesMs: [Date.now()], fields: { rating: [9] } }
  await ask('POST', '/v1/events', event)
  await until(() => pooling.counters.refreshes === 1 && spansNamed('headwater.refresh').length === 1)
  await ask('POST', '/v1/embeddings/read', { users: ['ann'], models: ['m'] })
  await until(() => spansNamed('headwater.refresh').length === 2 && spansNamed('headwater.read').length === 1)
  const [ingest] = spansNamed('headwater.ingest')
  const [read] = spansNamed('headwater.read')
  const links = spansNamed('headwater.refresh').map((span) => span.links.map(({ context }) => context.spanId))
  expect(links).toEqual([[ingest.spanContext().spanId], [read.spanContext().spanId]])
})

it('a refresh that a read makes itself is linked to the read', async () => {
  const { ask, pooling } = await observeService({}, { mode: 'synchronous', deadlineMs: 10_000 })
  const event = { users: ['ann'], items: ['i'], timesMs: [Date.now()], fields: { rating: [9] } }
  await ask('POST', '/v1/events', event)
  expect(pooling.counters.refreshes).toBe(0)
  await ask('POST', '/v1/embeddings/read', { users: ['ann'], models: ['m'] })
  await until(() => spansNamed('headwater.refresh').length === 1 && spansNamed('headwater.read').length === 1)
  const [refresh] = spansNamed('headwater.refresh')
  expect(refresh.links.map(({ context }) => context.spanId)).toEqual([
    spansNamed('headwater.read')[0].spanContext().spanId,
  ])
})

it('links are of the last users that offered refreshes, and bounded', () => {
  const spans = new RefreshSpans()
  const contextOf = (i: number) => ({ traceId: traceOf('d'), spanId: i.toString(16).padStart(16, '0'), traceFlags: 1 })
  for (let i = 1; i <= 10_200; i++) spans.offered('t', [`u${i}`], contextOf(i))
  spans.offered('t', ['u300'], contextOf(10_201))
  const refreshed = (...users: readonly string[]) => {
    spans.refreshed('t', { model: 'm', users, rows: users.length, encodeMs: 1, appendMs: 1 })
    return spansNamed('headwater.refresh')
      .at(-1)!
      .links.map(({ context }) => Number.parseInt(context.spanId, 16))
  }
  expect(refreshed('u200', 'u201', 'u300', 'u10200')).toEqual([201, 10_201, 10_200])
  expect(refreshed(...Array.from({ length: 500 }, (_, i) => `u${1_000 + i}`))).toHaveLength(128)
})
