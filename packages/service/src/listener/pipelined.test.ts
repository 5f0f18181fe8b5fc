/** Requests that come on a connection before the one ahead of them is answered. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { expect, it } from 'vitest'
import { tokenOf } from '../../testing/http-service.ts'
import { holdReads, startService } from '../../testing/listening-service.ts'
import { RawConnection } from '../../testing/raw-connection.ts'
import { rawRead } from '../../testing/raw-read.ts'

const portOf = (url: string) => Number(new URL(url).port)

it('are no longer under way once the connection is gone', async () => {
  const reads = holdReads()
  const { server, url } = await startService({ around: reads.around })
  const underWay = async () => {
    const headers = { authorization: `Bearer ${tokenOf.boss}` }
    const { payload } = await server.inject({ url: '/metrics', headers })
    return Number(/^headwater_requests_under_way (\d+)$/m.exec(payload)?.[1])
  }
  const accepted = once(server.server, 'connection') as Promise<[Socket]>
  const connection = new RawConnection(portOf(url))
  const [other] = await accepted
  await connection.send([Buffer.concat([rawRead(), rawRead(), rawRead()])])
  await reads.until(3)
  expect(await underWay()).toBe(3)
  connection.breakOff()
  await once(other, 'close')
  expect(await underWay()).toBe(0)
  reads.release()
})

it('are told to go on at the head of their answer, or not at all', async () => {
  const reads = holdReads()
  const { url } = await startService({ around: reads.around })
  const connection = new RawConnection(portOf(url))
  const head = rawRead(['expect: 100-continue', 'accept: application/msgpack'], '')
  const body = rawRead().subarray(rawRead([], '').length)
  const asking = Buffer.concat([head, body])
  await connection.send([Buffer.concat([rawRead(), asking])])
  await reads.until(2)
  reads.release()
  expect((await connection.next())?.body.toString()).toMatch(/^\{"servedMs":/)
  const answer = await connection.next()
  expect(answer?.headers.get('content-type')).toBe('application/msgpack')
  // A map of two, as the answer of a read is.
  expect(answer?.body[0]).toBe(0x82)
  connection.breakOff()

  const alone = new RawConnection(portOf(url))
  await alone.send([head])
  while (alone.leftBytes === 0) await new Promise((resolve) => setImmediate(resolve))
  await alone.send([body])
  expect((await alone.next())?.headers.get('connection')).toBe('keep-alive')
  alone.breakOff()
})
