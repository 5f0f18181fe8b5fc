import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { type BodySink, ParsedRequest } from './parsed-request.ts'
import { takeBody } from './raw-body.ts'

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** What a server answers to packets that are sent one after another, until it closes the connection; with or without `ParsedRequest`. */
async function talk(answer: Answer, packets: readonly (string | Buffer)[], isParsed: boolean): Promise<string> {
  const server = createServer(isParsed ? { IncomingMessage: ParsedRequest } : {}, (request, response) => {
    response.sendDate = false
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    server.closeAllConnections()
    server.close()
  })
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.setNoDelay()
  const sent = (async () => {
    for (const packet of packets) {
      socket.write(packet)
      for (let i = 0; i < 20; i++) await turn()
    }
  })()
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk)
  await sent
  return Buffer.concat(chunks).toString('latin1')
}

const head = (rest: string) => `POST / HTTP/1.1\r\nhost: a\r\n${rest}\r\n\r\n`
const sized = (body: string, rest = '') => `${head(`content-length: ${body.length}${rest}`)}${body}`
const last = '\r\nconnection: close'

const maxBytes = 100_000

/** Tells the body's size and its bytes' sum, or what was wrong. */
const echo: Answer = (request, response) =>
  takeBody(request, maxBytes, (error, body) => {
    const sum = body.reduce((total, byte) => total + byte, 0)
    response.end(error === null ? `${body.length} bytes, sum ${sum}` : error.code)
  })

describe('the body of a request that is handed on as it is parsed', () => {
  const large = 'x'.repeat(90_000)
  const cases: Record<string, readonly string[]> = {
    'a small one': [sized('abc', last)],
    'none, of length 0': [sized('', last)],
    'none at all': [head('connection: close')],
    'in several packets': [sized('abcdef', last).slice(0, -4), 'cd', 'ef'],
    'a large one': [sized(large, last)],
    'of exactly the limit': [sized('y'.repeat(maxBytes), last)],
    'over the limit, as it says': [sized('y'.repeat(maxBytes + 1), last)],
    'in chunks, with a trailer': [
      head(`transfer-encoding: chunked${last}`),
      '3\r\nabc\r\n',
      '2\r\nde\r\n0\r\na: b\r\n\r\n',
    ],
    'of requests one behind another': [sized('ab'), sized('cde'), sized('f', last)],
    'of requests in one packet': [`${sized('ab')}${sized('cde')}${sized('', '')}${sized('f', last)}`],
    'behind one over the limit, as comes to light': [
      head('transfer-encoding: chunked'),
      ...Array.from({ length: 4 }, () => `7530\r\n${'z'.repeat(0x7530)}\r\n`),
      '0\r\n\r\n',
      sized('after', last),
    ],
    'after a word to go on': [head(`expect: 100-continue\r\ncontent-length: 3${last}`), 'abc'],
  }

  it.each(Object.keys(cases))('is the one that comes as a stream: %s', async (name) => {
    const answered = await talk(echo, cases[name], true)
    expect(answered).toMatch(/bytes, sum \d+|body_too_large/)
    expect(answered).toBe(await talk(echo, cases[name], false))
  })

  it('is whole where it is asked for after a part has come', async () => {
    const late: Answer = (request, response) => {
      void (async () => {
        for (let i = 0; i < 5; i++) await turn()
        echo(request, response)
      })()
    }
    const packets = [sized('abcdef', last).slice(0, -4), 'cdef']
    expect(await talk(late, packets, true)).toContain('6 bytes, sum 597')
    expect(await talk(late, [sized('abcdef', last)], true)).toContain('6 bytes, sum 597')
  })

  it('comes past the stream, and tells of its end once', async () => {
    const told: string[] = []
    const sink = (response: ServerResponse): BodySink => ({
      take: (chunk) => told.push(Buffer.from(chunk).toString()),
      end: () => {
        told.push('end')
        response.end()
      },
    })
    const answer: Answer = (request, response) => {
      request.on('data', () => told.push('data')).pause()
      expect((request as ParsedRequest).handTo(sink(response))).toBe(false)
      request.removeAllListeners('data')
      response.end()
    }
    await talk(answer, [sized('abc', last)], true)
    expect(told).toEqual([])
    await talk(
      (request, response) => {
        expect((request as ParsedRequest).handTo(sink(response))).toBe(true)
        request.on('end', () => told.push('stream’s end'))
      },
      [sized('abc', last)],
      true,
    )
    expect(told).toEqual(['abc', 'end'])
  })

  it('that is cut off is told to nobody, and ends the answer', async () => {
    let told = 0
    let onClosed = () => {}
    const closed = new Promise<void>((resolve) => {
      onClosed = resolve
    })
    const answer: Answer = (request, response) => {
      takeBody(request, maxBytes, () => told++)
      response.on('close', onClosed)
      request.socket.destroy()
    }
    await talk(answer, [`${head('content-length: 10')}abc`], true)
    await closed
    expect(told).toBe(0)
  })
})
