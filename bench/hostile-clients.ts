/** Connections whose requests never end, are none, or go away in the middle. */
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { SeededRandom } from '@headwater/statistics'

export const connectionsABurst = 40
/** An address of their own, as those of strangers would have. */
const localAddress = '127.0.0.2'

const head = (path: string, length: number) =>
  `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`

const requests: readonly string[] = [
  '',
  'POST /v1/events HTTP/1.1\r\nhost: localhost\r\nx-slow: ',
  head('/v1/events', 1_000),
  head('/v1/embeddings/read', 10 ** 9),
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  `${head('/v1/events', 5)}{"us}${head('/v1/events', 2)}{}`,
  `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n\r\n`,
  head('/v1/models/sum/rollback', 0).replace('\r\n\r\n', '\r\norigin: http://evil.example\r\n\r\n'),
]

/** A burst of them, for up to three seconds. */
export async function harass(port: number, random: SeededRandom): Promise<void> {
  const sockets = Array.from({ length: connectionsABurst }, () => {
    const socket = connect({ port, host: '127.0.0.1', localAddress })
    socket.on('error', () => {})
    socket.write(requests[random.nextBelow(requests.length)])
    return socket
  })
  await wait(random.nextBelow(3_000))
  for (const socket of sockets) {
    if (random.nextBelow(2) === 0) socket.resetAndDestroy()
    else socket.destroy()
  }
}
