/**
 * Bad requests by the thousand over connections, the way that production takes: past streams, in packets of any size, one
 * behind another, cut off. Each that is answered has a well-formed answer, with what is known to be true or a typed 4xx, and
 * the server goes on. A failure names its seed; what was under way when the test was stopped, too.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type SeededRandom, seededRandom } from '@headwater/statistics'
import { fuzz } from '@headwater/testkit'
import { afterAll, beforeAll, describe, expect, it, onTestFailed, onTestFinished } from 'vitest'
import { checkAnswer, checkRefusal, goodRead, vectorIn } from '../../testing/fuzzed-answer.ts'
import { fuzzedRoutes } from '../../testing/fuzzed-bodies.ts'
import { type FuzzedRequest, fuzzedLie, fuzzedRequest, piecesOf } from '../../testing/fuzzed-requests.ts'
import { known, openFuzzedService, vectorOf } from '../../testing/fuzzed-service.ts'
import { tokenOf } from '../../testing/http-service.ts'
import { RawConnection } from '../../testing/raw-connection.ts'

// What waits for ever is to be told from what takes long on a slow machine, so both times are longer than the tests.
const limits = {
  maxUsers: 500,
  maxEvents: 50,
  maxBodyBytes: 20_000,
  maxEventValues: 2_000,
  maxConcurrent: 24,
  arrivalTimeoutMs: 600_000,
  maxDeadlineMs: 600_000,
}
let service: Awaited<ReturnType<typeof openFuzzedService>>
let port: number
beforeAll(async () => {
  service = await openFuzzedService(limits)
  port = Number(new URL(await service.listen()).port)
})
afterAll(async () => {
  // Of a run that failed: what waits for its caller would hold up the end.
  for (const connection of dialled) connection.breakOff()
  await service.close()
})

const dialled = new Set<RawConnection>()
function dial(to = port): RawConnection {
  const connection = new RawConnection(to)
  dialled.add(connection)
  return connection
}

/** Of a run; `answered` has what was refused with a code, and `200 ROUTE`. */
class Tally {
  sent = 0
  /** Of an answer. */
  mostBytes = 0
  readonly answered = new Map<string, number>()

  add(code: string): void {
    this.answered.set(code, (this.answered.get(code) ?? 0) + 1)
  }

  get answers(): number {
    return [...this.answered.values()].reduce((sum, count) => sum + count, 0)
  }
}

/** Tells the seed that was under way, should the test fail: one that hangs throws nothing that would name it. */
function nameSeed(firstSeed: number): () => void {
  let seed = firstSeed - 1
  onTestFailed(() => console.error(`the last seed was ${seed}`))
  return () => {
    seed++
  }
}

/** Takes the answer to one request of some that are under way. @returns whether the connection goes on */
async function take(
  connection: RawConnection,
  request: FuzzedRequest,
  underWay: readonly FuzzedRequest[],
  tally: Tally,
): Promise<boolean> {
  const answer = await connection.next()
  if (answer === null) {
    // The rest of a body that was refused meets a closed connection, and then the system may throw away the answer.
    const isRefused = underWay.some(({ body }) => body.length > limits.maxBodyBytes)
    expect(connection.wasReset && isRefused, 'there is no answer').toBe(true)
    return false
  }
  tally.mostBytes = Math.max(tally.mostBytes, answer.sizeBytes)
  const code = checkAnswer(request, answer)
  if (request.route.name === 'read') expect([answer.status, code]).toEqual(await injected(request))
  tally.add(code ?? `200 ${request.route.name}`)
  return answer.headers.get('connection') !== 'close'
}

/** What becomes of a read that comes as a stream and whole, past all connections. */
async function injected({ url, headers, body }: FuzzedRequest): Promise<[number, string | null]> {
  const given = await service.server.inject({ method: 'POST', url, headers, payload: Buffer.from(body) })
  const status = given.statusCode
  const type = new Map([['content-type', String(given.headers['content-type'])]])
  const answer = { status, headers: type, body: given.rawPayload, sizeBytes: given.rawPayload.length }
  return [status, status === 200 ? null : checkRefusal(answer)]
}

/** All at once; those behind one that closes the connection are lost. */
async function together(requests: readonly FuzzedRequest[], random: SeededRandom, tally: Tally): Promise<void> {
  const connection = dial()
  const sent = connection.send(piecesOf(random, Buffer.concat(requests.map(({ bytes }) => bytes))))
  for (const request of requests) if (!(await take(connection, request, requests, tally))) break
  await sent
  expect(connection.leftBytes).toBe(0)
  connection.breakOff()
}

/** Each after the answer to the one before, on the same connection as long as it goes on. */
async function inTurn(requests: readonly FuzzedRequest[], random: SeededRandom, tally: Tally): Promise<void> {
  let connection = dial()
  for (const request of requests) {
    const sent = connection.send(piecesOf(random, request.bytes))
    const goesOn = await take(connection, request, [request], tally)
    await sent
    expect(connection.leftBytes).toBe(0)
    if (goesOn) continue
    connection.breakOff()
    connection = dial()
  }
  connection.breakOff()
}

/** All at once, but the connection is gone before the last byte of them. */
async function cutOff(requests: readonly FuzzedRequest[], random: SeededRandom, tally: Tally): Promise<void> {
  const bytes = Buffer.concat(requests.map((request) => request.bytes))
  const connection = dial()
  await connection.send(piecesOf(random, bytes.subarray(0, random.nextBelow(bytes.length))))
  connection.breakOff(random.nextBelow(2) === 0)
  for (const request of requests) {
    // What came before the cut is as good as any.
    const answer = await connection.next()
    if (answer === null) break
    tally.add(checkAnswer(request, answer) ?? `200 ${request.route.name}`)
  }
}

const ways = [together, together, inTurn, inTurn, cutOff]

/** Resolves once every request has left the gate, the cut ones among them. */
async function untilIdle(): Promise<void> {
  for (;;) {
    const { payload } = await service.server.inject({
      url: '/metrics',
      headers: { authorization: `Bearer ${tokenOf.boss}` },
    })
    if (/^headwater_requests_under_way 0$/m.test(payload)) return
    await turn()
  }
}

async function expectGoodRead(): Promise<void> {
  const connection = dial()
  await connection.send([goodRead(known)])
  expect(vectorIn(await connection.next())).toEqual(vectorOf('default', known))
  connection.breakOff()
}

/** Resolves once the server has ended the connection, which waits for the rest of a request. */
async function untilTimedOut(connection: RawConnection): Promise<void> {
  const codes: string[] = []
  for (let answer = await connection.next(); answer !== null; answer = await connection.next()) {
    codes.push(checkRefusal(answer))
  }
  expect(codes.at(-1)).toMatch(/request_timeout|body_too_large/)
}

describe('fuzzed connections', () => {
  it('2,000 requests, four a connection, seeds 300,000 to 300,249: what is true, or a typed 4xx, and a good read goes on', async () => {
    const began = nameSeed(300_000)
    const tally = new Tally()
    await fuzz(
      (random) => [random.nextBelow(ways.length), random.nextBelow(ways.length)],
      async (drawn, random) => {
        began()
        const both = drawn.map((way) => {
          // Of its own: what one connection waits for must not change what the other draws.
          const own = seededRandom(random.nextU32())
          const requests = Array.from({ length: 4 }, () => fuzzedRequest(own))
          tally.sent += requests.length
          return ways[way](requests, own, tally)
        })
        await Promise.all(both)
        if (tally.sent % 200 === 0) await expectGoodRead()
      },
      { runs: 250, firstSeed: 300_000 },
    )
    expect(tally.sent).toBe(2_000)
    expect(tally.answers).toBeGreaterThan(1_500)
    expect([...tally.answered.keys()].sort()).toEqual([
      ...fuzzedRoutes.map(({ name }) => `200 ${name}`).sort(),
      'batch_too_large',
      'body_too_large',
      'forbidden',
      'invalid_event',
      'invalid_key',
      'invalid_outcome',
      'invalid_request',
      'malformed_body',
      'not_acceptable',
      'snapshot_refused',
      'unauthenticated',
      'unknown_snapshot',
      'unsupported_media_type',
    ])
    // Some are too large to be written as one text.
    expect(tally.mostBytes).toBeGreaterThan(2 ** 14 + 500)
    expect(service.failures).toEqual([])
    await untilIdle()
  })

  it('400 whose heads or chunks lie, seeds 400,000 to 400,399: typed 4xx, then the connection ends', async () => {
    const began = nameSeed(400_000)
    const told = new Set<string>()
    await fuzz(
      () => null,
      async (_, random) => {
        began()
        const connection = dial()
        await connection.send(piecesOf(random, fuzzedLie(random)))
        // Where more is waited for, that no more comes.
        connection.end()
        for (let answer = await connection.next(); answer !== null; answer = await connection.next()) {
          if (answer.status >= 300) told.add(checkRefusal(answer))
        }
        connection.breakOff()
      },
      { runs: 400, firstSeed: 400_000 },
    )
    expect([...told]).toEqual(
      expect.arrayContaining(['body_too_large', 'headers_too_large', 'malformed_http', 'unauthenticated']),
    )
    expect(service.failures).toEqual([])
    await expectGoodRead()
    await untilIdle()
  })

  it('60 that stop before they are whole, seeds 500,000 to 500,059: an early refusal or 408, and the server lets go of them', async () => {
    const impatient = await openFuzzedService({ ...limits, arrivalTimeoutMs: 300 })
    onTestFinished(() => impatient.close())
    const own = Number(new URL(await impatient.listen()).port)
    const ended: Promise<void>[] = []
    await fuzz(
      (random) => random.nextU32(),
      async (_, random) => {
        const { bytes } = fuzzedRequest(random)
        const connection = dial(own)
        await connection.send(piecesOf(random, bytes.subarray(0, random.nextBelow(bytes.length))))
        ended.push(untilTimedOut(connection))
      },
      { runs: 60, firstSeed: 500_000 },
    )
    await Promise.all(ended)
    // None of the callers has closed its side.
    const { server } = impatient.server
    while ((await promisify(server.getConnections.bind(server))()) > 0) await turn()
    expect(impatient.failures).toEqual([])
  })
})
