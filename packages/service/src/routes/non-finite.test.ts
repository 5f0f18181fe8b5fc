/** NaN and infinities over the wire: refused with a code of their own, and nothing of them is kept. */

import { packMessage } from '@headwater/client/wire'
import { profileSpace } from '@headwater/pooling/testing/towers'
import { describe, expect, it } from 'vitest'
import { tokenOf } from '../../testing/http-service.ts'
import { observeService } from '../../testing/observed-service.ts'

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number

/** Sends a body as it is; the status and the error. */
async function send(
  url: string,
  method: string,
  path: string,
  type: 'json' | 'msgpack',
  body: string | Uint8Array<ArrayBuffer>,
) {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      'content-type': `application/${type}`,
      accept: 'application/json',
      authorization: `Bearer ${tokenOf.boss}`,
    },
    body,
  })
  const { error } = (await response.json()) as { error?: { code: string; message: string } }
  return { status: response.status, code: error?.code, message: error?.message }
}

const outcomes = {
  downstream: 'ctr',
  requests: ['r1', 'r2'],
  predictions: [0.25, 0.5],
  labels: [0, 1],
  timesMs: [1, 2],
}
const binary = (...values: number[]) => new Uint8Array(Float64Array.from(values).buffer)

describe('outcomes with a number that is none', () => {
  it.each([
    ['a prediction', 'predictions[1] is NaN', { predictions: [0.5, nan] }],
    ['a prediction', 'predictions[0] is Infinity', { predictions: [infinity, 0.5] }],
    ['a prediction in a binary', 'predictions[1] is NaN', { predictions: binary(0.5, nan) }],
    ['a prediction in a binary', 'predictions[0] is -Infinity', { predictions: binary(-infinity, 0.5) }],
    ['a label', 'labels[1] is NaN', { labels: [0, nan] }],
    ['a time', 'timesMs[1] is NaN', { timesMs: [1, nan] }],
    ['a time in a binary', 'timesMs[0] is NaN', { timesMs: binary(nan, 2) }],
    ['a time in a binary', 'timesMs[1] is -Infinity', { timesMs: binary(1, -infinity) }],
  ])('are refused whole: %s: %s', async (_, message, change) => {
    const { url, outcomes: kept, ask } = await observeService()
    const sent = await send(url, 'POST', '/v1/outcomes', 'msgpack', packMessage({ ...outcomes, ...change }))
    expect(sent).toEqual({ status: 400, code: 'invalid_outcome', message: expect.stringContaining(message) })
    expect(kept.size).toBe(0)
    // Neither is any of them taken for known, nor scored.
    expect((await ask('POST', '/v1/outcomes', outcomes)).body).toMatchObject({ accepted: 2, rows: 2 })
  })
})

describe('features of a user with a number that is none', () => {
  const path = '/v1/users/ann/features'
  /** Each with the code that it is refused with, and what the message names. */
  const cases: readonly (readonly [body: object, code: string, place: string])[] = [
    [{ values: { age: nan } }, 'invalid_event', '"age"'],
    [{ values: { age: infinity } }, 'invalid_event', '"age"'],
    [{ values: { age: -infinity, country: 'NO' } }, 'invalid_event', '"age"'],
    [{ values: { country: nan } }, 'invalid_event', '"country"'],
    [{ values: { age: 30 }, timeMs: nan }, 'invalid_request', 'timeMs is NaN'],
    [{ values: { age: 30 }, timeMs: infinity }, 'invalid_request', 'timeMs is Infinity'],
    [{ values: { age: 30 }, timeMs: -infinity }, 'invalid_request', 'timeMs is -Infinity'],
  ]
  it.each(cases)('are refused whole: %o', async (body, code, place) => {
    const { url, tenants, pooling } = await observeService({ space: profileSpace }, { space: profileSpace })
    const sent = await send(url, 'PUT', path, 'msgpack', packMessage(body))
    expect(sent).toEqual({ status: 400, code, message: expect.stringContaining(place) })
    expect((await tenants.get('default')!.store.readStates('user', ['ann'])).states).toEqual([undefined])
    expect(pooling.waiting).toBe(0)
  })

  it('leave what is known as it was: in a vector, and where JSON makes infinity of a number', async () => {
    const { url, ask, tenants } = await observeService()
    expect((await ask('PUT', path, { values: { country: 'NO', taste: [1, 2] } })).status).toBe(200)
    const state = async () => (await tenants.get('default')!.store.readStates('user', ['ann'])).states[0]
    const before = await state()
    expect(before).toBeDefined()
    const refused = { status: 400, code: 'invalid_event', message: expect.stringContaining('"taste": entry 1') }
    // The last of them is finite until it is held as a float32.
    for (const entry of [nan, infinity, -infinity, 1e39]) {
      const body = packMessage({ values: { country: 'SE', taste: [3, entry] } })
      expect(await send(url, 'PUT', path, 'msgpack', body), String(entry)).toEqual(refused)
    }
    const json = '{"values":{"country":"SE","taste":[3,1e999]}}'
    expect(await send(url, 'PUT', path, 'json', json)).toEqual(refused)
    expect(await state()).toEqual(before)
  })
})
