import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { writeTogether } from './write-together.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function start(answer: RequestListener, prepare: (connection: Socket) => void): Promise<number> {
  const server = createServer((request, response) => {
    response.sendDate = false
    answer(request, response)
  })
  server.on('connection', prepare)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** All bytes that come back for two requests in one packet, the second of which closes the connection. */
async function ask(port: number): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1')
  socket.write('GET /1 HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const bytes = (count: number) => Buffer.from(Uint8Array.from({ length: count }, (_, i) => (i * 7) % 256))

describe('a connection that writes together', () => {
  const answers: Record<string, RequestListener> = {
    'every byte, in a small body': (_, response) => response.end(bytes(512)),
    'a body of just too many bytes with its head': (_, response) => response.end(bytes(16_384)),
    'a large body': (_, response) => response.end(bytes(1_000_000)),
    'text of several bytes a character': (_, response) => response.end('ünïcödé – 日本'),
    'text behind bytes': (_, response) => {
      response.write(bytes(300))
      response.end('日本', 'utf8')
    },
    'base64 and hexadecimal text': (_, response) => {
      response.write('aGVhZHdhdGVy', 'base64')
      response.end('00ff80', 'hex')
    },
    'no body': (_, response) => response.writeHead(204).end(),
    'pieces in turns of their own': (_, response) => {
      response.write(bytes(10))
      setImmediate(() => {
        response.write('ä')
        response.end(bytes(20))
      })
    },
  }

  it.each(Object.keys(answers))('sends the bytes that it would have sent else: %s', async (name) => {
    const [plain, together] = [await start(answers[name], () => {}), await start(answers[name], writeTogether)]
    const sent = await ask(together)
    expect(sent.toString('latin1')).toContain('HTTP/1.1 20')
    expect(sent.equals(await ask(plain))).toBe(true)
  })

  it('hands a small answer to the system in one call', async () => {
    const calls: unknown[] = []
    const port = await start(
      (_, response) => response.end(bytes(100)),
      (connection) => {
        writeTogether(connection)
        const write = connection._write.bind(connection)
        connection._write = (chunk, encoding, done) => {
          calls.push(encoding)
          write(chunk, encoding, done)
        }
      },
    )
    await ask(port)
    expect(calls).toEqual(['latin1', 'latin1'])
  })
})
