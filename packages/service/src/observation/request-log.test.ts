/** Lines of the log against the requests that they tell of. */
import { createHmac } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { WireError } from '@headwater/client/wire'
import pino, { type Level } from 'pino'
import { expect, it, vi } from 'vitest'
import { requestLog } from './request-log.ts'
import type { RequestEnd } from './request-observer.ts'

const end: RequestEnd = {
  route: '/v1/embeddings/read',
  status: 200,
  ms: 1.23456,
  principal: { name: 'ranker', tenant: 'shop', scopes: ['read'] },
  error: null,
  served: null,
}

/** What is logged at a level of requests to a path. */
function linesOf(level: Level, url: string, ...ends: readonly Partial<RequestEnd>[]) {
  const lines: string[] = []
  const logger = pino({ level, base: null, timestamp: false }, { write: (line: string) => lines.push(line) })
  const observer = requestLog(logger, { slowMs: 100, key: 'secret' })
  for (const each of ends) observer({ method: 'POST', url } as IncomingMessage, { ...end, ...each })
  return lines.map((line) => JSON.parse(line))
}

it('tells at info of failures and of slow requests, at debug of all', () => {
  const error = new WireError('invalid_key', 'users[0] is empty')
  const ends = [{}, { ms: 101 }, { status: 400, error }]
  const slow = { level: 30, method: 'POST', route: end.route, status: 200, ms: 101, caller: 'ranker', tenant: 'shop' }
  expect(linesOf('info', '/v1/embeddings/read', ...ends)).toEqual([
    { ...slow, msg: 'slow request' },
    { ...slow, status: 400, ms: 1.235, code: 'invalid_key', msg: 'request failed' },
  ])
  const all = linesOf('debug', '/v1/embeddings/read', ...ends)
  expect(all.map(({ level, msg }) => [level, msg])).toEqual([
    [20, 'request'],
    [30, 'slow request'],
    [30, 'request failed'],
  ])
  expect(all[0].url).toBe('/v1/embeddings/read')
  expect(linesOf('info', '/', { status: 0 })[0].msg).toBe('request cut off')
  expect(linesOf('silent' as Level, '/', ...ends)).toEqual([])
})

it('has the stack of a failure of the server’s own, and nothing else that the error carries', () => {
  const cause = Object.assign(new Error('the disk is gone'), { receipt: { user: 'ann' } })
  const [line] = linesOf('info', '/v1/users/ann', {
    route: '/v1/users/:id',
    status: 500,
    error: new WireError('internal', 'the server failed; its log says why', { cause }),
    principal: null,
  })
  expect(line).toMatchObject({ level: 50, code: 'internal', error: { type: 'Error', message: 'the disk is gone' } })
  expect(line.error.stack).toContain('request-log.test.ts')
  expect(JSON.stringify(line)).not.toMatch(/ann|caller/)
  const [late] = linesOf('info', '/', { status: 504, error: new WireError('deadline_exceeded', 'late') })
  expect(late).not.toHaveProperty('error')
  expect(late.level).toBe(30)
})

it('tells users apart by a keyed hash above debug', () => {
  const hashOf = (user: string) => createHmac('sha256', 'secret').update(user).digest('hex').slice(0, 12)
  const ofUser = { route: '/v1/users/:id/features', ms: 500 }
  const [line] = linesOf('info', `/v1/users/${encodeURIComponent('ü/ser 1?')}/features?x=1`, ofUser)
  expect(line.user).toBe(hashOf('ü/ser 1?'))
  expect(line).not.toHaveProperty('url')
  expect(linesOf('info', '/v1/users/a%E0%A4%A/features', ofUser)[0].user).toBe(hashOf('a%E0%A4%A'))
  const [plain] = linesOf('debug', '/v1/users/ann', { route: '/v1/users/:id' })
  expect(plain).toMatchObject({ user: hashOf('ann'), url: '/v1/users/ann' })
})

it('tells of a flood by its count', () => {
  const now = vi.spyOn(performance, 'now').mockReturnValue(10_500)
  const lines: string[] = []
  const logger = pino({}, { write: (line: string) => lines.push(line) })
  const ended = requestLog(logger, { maxLinesPerSecond: 3 })
  const refused = { ...end, status: 429, error: new WireError('too_many_requests', 'wait') }
  for (let i = 0; i < 50; i++) ended({ url: '/' } as IncomingMessage, refused)
  now.mockReturnValue(11_000)
  for (let i = 0; i < 2; i++) ended({ url: '/' } as IncomingMessage, refused)
  now.mockRestore()
  expect(lines.map((line) => JSON.parse(line).leftOut)).toEqual([undefined, undefined, undefined, 47, undefined])
})
