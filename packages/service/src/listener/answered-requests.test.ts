import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { limitsOf } from '../requests/limits.ts'
import { createListener } from './listener.ts'
import { takeBody } from './raw-body.ts'

const body = 'x'.repeat(1_000)
const post = `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}`

it.each([
  ['answered once its body has come', true],
  ['refused at its head', false],
])('nothing holds a request that was %s, while its connection stays', async (_, isRead) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const seen: WeakRef<object>[] = []
  const server = createListener(limitsOf({}), undefined, (request, response) => {
    seen.push(new WeakRef(request), new WeakRef(response))
    if (isRead) takeBody(request, 10_000, () => response.end('done'))
    else {
      takeBody(request, 10_000, () => {})
      response.end('refused')
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  for (let i = 0; i < 3; i++) {
    socket.write(post)
    await once(socket, 'data')
  }
  for (let i = 0; i < 3; i++) await turn()
  collect()
  expect(seen.map((one) => one.deref())).toEqual(Array(6).fill(undefined))
  expect(socket.destroyed).toBe(false)
  socket.destroy()
  server.close()
})
