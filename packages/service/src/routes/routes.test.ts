/** Features, outcomes and snapshots, over a service that listens. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from '@headwater/client'
import { packMessage, unpackMessage } from '@headwater/client/wire'
import { openOutcomeLog } from '@headwater/logs'
import { EncoderDiedError } from '@headwater/pooling'
import { temporaryDirectory } from '@headwater/testkit'
import { describe, expect, it } from 'vitest'
import { tokenOf } from '../../testing/http-service.ts'
import { observeService, until } from '../../testing/observed-service.ts'

const outcomes = {
  downstream: 'ctr',
  requests: ['r1', 'r2'],
  users: ['ann', 'bob'],
  predictions: [0.25, 0.5],
  labels: [0, 1],
  timesMs: [1, 2],
}

/** −Σ log p(label) ÷ (rows · ln 2), for as many labels of 1 as of 0. */
const balancedEntropy = (...likelihoods: readonly number[]) =>
  likelihoods.reduce((sum, p) => sum - Math.log(p), 0) / likelihoods.length / Math.log(2)

describe('features of a user', () => {
  it('are set without an event, and the refresh sees them', async () => {
    const { ask, pooling, tenants } = await observeService()
    const put = (values: object, more = {}) => ask('PUT', '/v1/users/ann/features', { values, ...more })
    expect(await put({ country: 'NO', taste: [1, 2] })).toEqual({ status: 200, body: { accepted: 1 } })
    await until(() => pooling.counters.refreshes === 1)
    expect(pooling.counters.events).toBe(0)
    const state = async () => (await tenants.get('default')!.store.readStates('user', ['ann'])).states[0]
    const before = await state()
    expect(before).toBeDefined()
    await put({ country: null })
    await put({ country: 'SE' }, { timeMs: 1 })
    expect(await state()).toEqual(before)
    await put({ country: 'SE' })
    expect(await state()).not.toEqual(before)
    expect((await tenants.get('other')!.store.readStates('user', ['ann'])).states).toEqual([undefined])
  })

  it('are refused where they are none', async () => {
    const { ask, pooling } = await observeService()
    const cases = [
      [{ values: { rating: 3 } }, 'invalid_request', 'known are country, taste'],
      [{ values: { country: 3 } }, 'invalid_event', 'country'],
      [{ values: { taste: [1] } }, 'invalid_event', 'taste'],
      [{ values: {}, timeMs: 'now' }, 'invalid_request', 'timeMs is a string'],
      [{ values: {}, timeMs: Date.now() + 3_600_000 }, 'invalid_request', "ahead of the server's clock"],
      [{ values: {}, timeMs: 1e300 }, 'invalid_request', 'milliseconds since 1970'],
      [{}, 'invalid_request', 'values is missing'],
      [[], 'invalid_request', 'the body is a list'],
    ] as const
    for (const [body, code, message] of cases) {
      const answer = await ask('PUT', '/v1/users/ann/features', body)
      expect([answer.status, answer.body.error.code], JSON.stringify(body)).toEqual([400, code])
      expect(answer.body.error.message).toContain(message)
    }
    expect((await ask('PUT', '/v1/users/a%00b/features', { values: {} })).body.error.code).toBe('invalid_key')
    expect((await ask('PUT', '/v1/users/ann/features')).body.error.code).toBe('unsupported_media_type')
    expect((await ask('PUT', '/v1/users/ann/features', { values: {} }, tokenOf.reader)).status).toBe(403)
    expect(pooling.waiting).toBe(0)
  })
})

describe('outcomes', () => {
  it('are kept before they are acknowledged, and scored, a tenant apart', async () => {
    const { ask, outcomes: kept } = await observeService()
    const { status, body } = await ask('POST', '/v1/outcomes', outcomes)
    expect([status, body.accepted, body.rows]).toEqual([200, 2, 2])
    expect(body.normalizedEntropy).toBeCloseTo(balancedEntropy(0.75, 0.5), 4)
    expect(kept.get('default')).toEqual([
      { downstream: 'ctr', request: 'r1', user: 'ann', prediction: 0.25, label: 0, timeMs: 1 },
      { downstream: 'ctr', request: 'r2', user: 'bob', prediction: 0.5, label: 1, timeMs: 2 },
    ])
    const { users: _, ...nameless } = outcomes
    const again = await ask('POST', '/v1/outcomes', { ...nameless, requests: ['r2', 'r3'] })
    expect([again.body.accepted, again.body.rows]).toEqual([1, 3])
    expect(kept.get('default')![2].user).toBeNull()
    const other = await ask('POST', '/v1/outcomes', { ...outcomes, labels: [1, 1] }, tokenOf.other)
    expect(other.body).toEqual({ accepted: 2, normalizedEntropy: null, rows: 2 })
    expect((await ask('POST', '/v1/outcomes', outcomes, tokenOf.reader)).body.error.code).toBe('forbidden')
    expect(kept.get('default')).toHaveLength(3)
  })

  it('of the time before their user was forgotten, sent behind it, are scored and not kept', async () => {
    const directory = temporaryDirectory()
    const log = await openOutcomeLog({ directory, tenant: 'default' })
    const { ask, tenants } = await observeService({ outcomes: () => log })
    await tenants.get('default')!.store.forget('ann', { atMs: 1 })
    expect((await ask('POST', '/v1/outcomes', outcomes)).body).toMatchObject({ accepted: 2, rows: 2 })
    // Who comes back is a user like any other.
    const later = { downstream: 'ctr', requests: ['r9'], users: ['ann'], predictions: [0.5], labels: [1], timesMs: [2] }
    expect((await ask('POST', '/v1/outcomes', later)).body).toMatchObject({ accepted: 1, rows: 3 })
    // The store is not asked about nobody.
    const { users: _, ...nameless } = { ...later, requests: ['r10'] }
    expect((await ask('POST', '/v1/outcomes', nameless)).body).toMatchObject({ accepted: 1, rows: 4 })
    await log.close()
    const lines = readdirSync(directory)
      .filter((name) => name.endsWith('.jsonl'))
      .flatMap((name) => readFileSync(join(directory, name), 'utf8').trim().split('\n'))
    expect(lines.map((line) => JSON.parse(line)).map(({ user, request }) => [user, request])).toEqual([
      ['bob', 'r2'],
      ['ann', 'r9'],
      [null, 'r10'],
    ])
  })

  it('come as MessagePack, with binaries for columns', async () => {
    const { url } = await observeService()
    const bytes = (array: Float64Array) => new Uint8Array(array.buffer)
    const response = await fetch(`${url}/v1/outcomes`, {
      method: 'POST',
      headers: { 'content-type': 'application/msgpack', authorization: `Bearer ${tokenOf.boss}` },
      body: packMessage({
        ...outcomes,
        predictions: bytes(Float64Array.of(0.25, 0.5)),
        labels: Uint8Array.of(0, 1),
        timesMs: bytes(Float64Array.of(1, 2)),
      }),
    })
    expect(response.headers.get('content-type')).toBe('application/msgpack')
    const answer = unpackMessage(new Uint8Array(await response.arrayBuffer()), { maxDepth: 2, maxValues: 9 })
    expect(answer).toMatchObject({ accepted: 2, rows: 2 })
  })

  it('are refused whole, with the row', async () => {
    const { ask, outcomes: kept } = await observeService()
    const cases = [
      [{ predictions: [0.5, 1] }, 'invalid_outcome', 'predictions[1] is 1'],
      [{ predictions: [0, 0.5] }, 'invalid_outcome', 'predictions[0] is 0'],
      [{ predictions: [0.5, null] }, 'invalid_outcome', 'predictions[1] is null'],
      [{ predictions: ['0.5', 0.5] }, 'invalid_outcome', 'predictions[0] is a string'],
      [{ labels: [0, 2] }, 'invalid_outcome', 'labels[1] is 2'],
      [{ labels: [true, 1] }, 'invalid_outcome', 'labels[0] is a boolean'],
      [{ timesMs: [1, Date.now() + 3_600_000] }, 'invalid_outcome', 'a time that has come'],
      [{ timesMs: [1] }, 'invalid_request', 'timesMs has 1 entries, requests has 2'],
      [{ users: ['ann'] }, 'invalid_request', 'users has 1 entries'],
      [{ requests: ['r1', ''] }, 'invalid_key', 'requests[1] is empty'],
      [{ downstream: 'c t r' }, 'invalid_request', 'downstream is no name'],
      [{ downstream: 'x'.repeat(65) }, 'invalid_request', 'downstream is no name'],
      [{ downstream: 7 }, 'invalid_request', 'downstream is a number'],
      [{ more: 1 }, 'invalid_request', 'a field "more"'],
    ] as const
    for (const [change, code, message] of cases) {
      const { status, body } = await ask('POST', '/v1/outcomes', { ...outcomes, ...change })
      expect([status, body.error?.code], JSON.stringify(change)).toEqual([400, code])
      expect(body.error.message).toContain(message)
    }
    const many = Array.from({ length: 1_001 }, (_, i) => `r${i}`)
    expect((await ask('POST', '/v1/outcomes', { ...outcomes, requests: many })).status).toBe(413)
    expect(kept.size).toBe(0)
  })

  it('that the log cannot keep are not acknowledged, and come again', async () => {
    let isBroken = true
    const { ask } = await observeService({
      outcomes: () => ({
        append: async () => {
          if (isBroken) throw new Error('the disk is full')
        },
      }),
    })
    expect((await ask('POST', '/v1/outcomes', outcomes)).body.error.code).toBe('internal')
    isBroken = false
    expect((await ask('POST', '/v1/outcomes', outcomes)).body.accepted).toBe(2)
  })

  it('are answered by the deadline, and kept once, however often they come', async () => {
    let go = () => {}
    const kept: string[] = []
    const { ask } = await observeService({
      outcomes: () => ({
        append: async (more) => {
          await new Promise<void>((resolve) => {
            go = resolve
          })
          kept.push(...more.map(({ request }) => request))
        },
      }),
    })
    const late = await ask('POST', '/v1/outcomes', outcomes, tokenOf.boss, { 'x-deadline-ms': '200' })
    expect([late.status, late.body.error.code]).toEqual([504, 'deadline_exceeded'])
    const again = ask('POST', '/v1/outcomes', outcomes)
    go()
    expect((await again).body).toMatchObject({ accepted: 0, rows: 2 })
    expect(kept).toEqual(['r1', 'r2'])
  })
})

describe('snapshots', () => {
  it('are listed, promoted and rolled back', async () => {
    const { ask, pooling, control } = await observeService()
    const states = async () => {
      const { body } = await ask('GET', '/v1/models/m', undefined, tokenOf.reader)
      return body.snapshots.map(({ state }: { state: string }) => state)
    }
    expect(await states()).toEqual(['served', 'available', 'held'])
    expect(await ask('POST', '/v1/models/m/promote', { snapshot: 4 })).toEqual({
      status: 200,
      body: { model: 'm', snapshot: 4 },
    })
    expect([pooling.latest('m')?.snapshot, await states()]).toEqual([4, ['available', 'served', 'held']])
    expect((await ask('POST', '/v1/models/m/rollback', {})).body).toEqual({ model: 'm', snapshot: 3 })
    expect(pooling.latest('m')?.snapshot).toBe(3)
    control.report = {
      snapshot: 4,
      rows: 9,
      cosineMean: 0.9,
      cosineP1: 0.5,
      normRatioMean: 1,
      sameFrame: true,
      panel: null,
    }
    expect((await ask('GET', '/v1/models/m')).body).toMatchObject({ model: 'm', dim: 4, shadow: control.report })
  })

  it('that cannot be served are refused, and the one before goes on', async () => {
    const { ask, pooling, control } = await observeService()
    const codeOf = async (path: string, body?: object, token?: string) => {
      const answer = await ask('POST', `/v1/models/${path}`, body, token)
      return [answer.status, answer.body.error.code]
    }
    expect(await codeOf('m/promote', { snapshot: 5 })).toEqual([409, 'snapshot_refused'])
    expect(await codeOf('m/promote', { snapshot: 6 })).toEqual([404, 'unknown_snapshot'])
    expect(await codeOf('m/promote', { snapshot: 1.5 })).toEqual([400, 'invalid_request'])
    expect(await codeOf('m/promote', { snapshot: '4' })).toEqual([400, 'invalid_request'])
    expect(await codeOf('m/promote')).toEqual([415, 'unsupported_media_type'])
    expect(await codeOf('m/rollback')).toEqual([409, 'snapshot_refused'])
    expect(await codeOf('none/promote', { snapshot: 4 })).toEqual([404, 'unknown_model'])
    expect(await codeOf('m/promote', { snapshot: 4 }, tokenOf.writer)).toEqual([403, 'forbidden'])
    expect(await codeOf('m/rollback', {}, tokenOf.reader)).toEqual([403, 'forbidden'])
    control.promote = async () => {
      throw new EncoderDiedError('its memory ran out')
    }
    expect(await codeOf('m/promote', { snapshot: 4 })).toEqual([503, 'encoder_unavailable'])
    expect(pooling.latest('m')?.snapshot).toBe(3)
    expect((await ask('GET', '/v1/models/none')).status).toBe(404)
  })

  it('that take longer to load than the request lasts are told of as the change goes on, and once it has ended', async () => {
    const { ask, pooling, control, url } = await observeService()
    const change = async () => (await ask('GET', '/v1/models/m')).body.change
    expect(await change()).toBeNull()
    const promote = (snapshot: number) =>
      ask('POST', '/v1/models/m/promote', { snapshot }, tokenOf.boss, { 'x-deadline-ms': '200' })
    const loading = { snapshot: 4, state: 'loading', error: null }
    control.hold()
    expect(await promote(4)).toEqual({ status: 202, body: { model: 'm', change: loading } })
    // Asked again it is the same change.
    expect((await promote(4)).status).toBe(202)
    expect([await change(), pooling.latest('m')?.snapshot, control.promotions]).toEqual([loading, 3, 1])
    const waited = createClient({ url, token: tokenOf.boss }).promote('m', 4)
    control.letGo()
    expect(await waited).toEqual({ model: 'm', snapshot: 4 })
    expect(await change()).toEqual({ snapshot: 4, state: 'served', error: null })

    control.hold()
    expect((await promote(5)).status).toBe(202)
    control.letGo()
    while ((await change()).state === 'loading');
    expect(await change()).toMatchObject({ snapshot: 5, state: 'refused', error: { code: 'snapshot_refused' } })
    expect(pooling.latest('m')?.snapshot).toBe(4)
  })

  it('of a model that nobody manages here are looked at alone', async () => {
    const { ask } = await observeService({ models: [{ name: 'm', dim: 4 }] })
    const { body } = await ask('GET', '/v1/models/m')
    expect(body.snapshots).toEqual([
      { snapshot: 3, state: 'served', frame: 0, dataCutoffMs: 1_700_000_000_000, publishedMs: null, drift: null },
    ])
    expect(body.shadow).toBeNull()
    for (const path of ['promote', 'rollback']) {
      const answer = await ask('POST', `/v1/models/m/${path}`, { snapshot: 4 })
      expect([answer.status, answer.body.error.code]).toEqual([409, 'unmanaged_model'])
    }
  })
})

describe('readiness', () => {
  it('is degraded while the encoder is away, and reads go on', async () => {
    const { ask, encoder } = await observeService()
    expect((await ask('GET', '/readyz')).body).toEqual({ status: 'ready' })
    encoder.state = 'restarting'
    const { status, body } = await ask('GET', '/readyz')
    expect([status, body.status]).toEqual([200, 'degraded'])
    expect(body.problem).toContain('restarting')
    encoder.compiling = { number: 9, total: 28 }
    expect((await ask('GET', '/readyz')).body.problem).toContain('restarting, compiling kernels 9 of 28')
    expect((await ask('POST', '/v1/embeddings/read', { users: ['a'], models: ['m'] })).status).toBe(200)
  })
})
