/** What an answer to a fuzzed request must be, by other decoders than the service's. */

import { halfToFloat } from '@headwater/binary16'
import { errorStatus, isErrorCode } from '@headwater/client/wire'
import { dim, model } from '@headwater/pooling/testing/towers'
import { unpack } from 'msgpackr'
import { expect } from 'vitest'
import type { FuzzedRequest } from './fuzzed-requests.ts'
import { vectorOf } from './fuzzed-service.ts'
import type { HttpAnswer } from './http-answer.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** The answer's body. @throws Error where it is not of the type that it says */
// biome-ignore lint/suspicious/noExplicitAny: an answer of any kind
function decoded({ headers, body }: HttpAnswer): any {
  const type = headers.get('content-type')
  if (type === 'application/msgpack') return unpack(body)
  if (type?.startsWith('application/json')) return JSON.parse(utf8.decode(body))
  throw new Error(`the answer is of type ${type}`)
}

/** An answer that tells of a failure of the caller's. @returns its code */
export function checkRefusal(answer: HttpAnswer): string {
  const { error } = decoded(answer)
  const told = `${answer.status} ${JSON.stringify(error)}`
  expect(isErrorCode(error.code) && answer.status === errorStatus[error.code as keyof typeof errorStatus], told).toBe(
    true,
  )
  expect(answer.status >= 400 && answer.status < 500, told).toBe(true)
  expect(error.message.length).toBeLessThan(400)
  return error.code
}

/** @returns the code of a refusal, null where it is none */
export function checkAnswer(request: FuzzedRequest, answer: HttpAnswer): string | null {
  const { headers, status } = answer
  expect(headers.get('content-type')?.split(';')[0]).toBe(`application/${request.answered}`)
  const code = status === 200 ? null : checkRefusal(answer)
  if (code === null) checkGood(request, decoded(answer))
  // After anything else the connection goes on.
  if (!request.isAsking) expect(headers.get('connection') === 'close', code ?? '').toBe(code === 'body_too_large')
  return code
}

// biome-ignore lint/suspicious/noExplicitAny: bodies of any kind
function checkGood({ route, format, tenant, body }: FuzzedRequest, answer: any): void {
  expect(tenant).not.toBeNull()
  // Nobody looks at the body of a rollback.
  // biome-ignore lint/suspicious/noExplicitAny: bodies of any kind
  const sent: any = route.name === 'rollback' ? null : format === 'json' ? JSON.parse(utf8.decode(body)) : unpack(body)
  switch (route.name) {
    case 'read':
      expect(answer.models.map((each: { model: string }) => each.model)).toEqual(sent.models)
      for (const each of answer.models) checkVectors(each, sent, tenant!)
      return
    case 'events':
      expect(answer).toEqual({ accepted: sent.users.length })
      return
    case 'features':
      expect(answer).toEqual({ accepted: 1 })
      return
    case 'outcomes':
      expect(answer.accepted).toBeLessThanOrEqual(sent.requests.length)
      return
    case 'promote':
      expect(answer).toEqual({ model: 'm', snapshot: sent.snapshot })
      return
    case 'rollback':
      expect(answer).toEqual({ model: 'm', snapshot: expect.any(Number) })
  }
}

type Column = readonly number[] | Uint8Array

/** Every user's row is the user's own, as the request's tenant has it, or the default. */
function checkVectors(
  answer: { vectors: Column; latest?: Column; status: Column; encoding: 'f32' | 'f16' },
  sent: { users: string[]; latest?: boolean | null },
  tenant: 'default' | 'other',
): void {
  expect(answer.status.length).toBe(sent.users.length)
  const rows = sent.users.map((user, u) => (answer.status[u] === 2 ? [...model.defaultVector] : vectorOf(tenant, user)))
  expect(numbersOf(answer.vectors, answer.encoding)).toEqual(rows.flat())
  expect(answer.latest === undefined).toBe(sent.latest !== true)
  if (answer.latest !== undefined) expect(numbersOf(answer.latest, answer.encoding)).toEqual(rows.flat())
}

function numbersOf(column: Column, encoding: 'f32' | 'f16'): number[] {
  if (!(column instanceof Uint8Array)) return [...column]
  const { buffer, byteOffset, byteLength } = column
  const view = new DataView(buffer, byteOffset, byteLength)
  const each = encoding === 'f32' ? 4 : 2
  return Array.from({ length: byteLength / each }, (_, i) =>
    each === 4 ? view.getFloat32(4 * i, true) : halfToFloat(view.getUint16(2 * i, true)),
  )
}

/** A read of `user` as JSON, as the last request of its connection. */
export function goodRead(user: string): Buffer {
  const body = JSON.stringify({ users: [user], models: ['m'] })
  const head = `POST /v1/embeddings/read HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer reader-token\r\n`
  return Buffer.from(
    `${head}content-type: application/json\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
}

/** The vector that `goodRead` was answered with. */
export function vectorIn(answer: HttpAnswer | null): readonly number[] {
  expect(answer?.status).toBe(200)
  const { vectors } = decoded(answer!).models[0]
  expect(vectors).toHaveLength(dim)
  return vectors
}
