import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, expect, it, vi } from 'vitest'
import { ask, holdReads, startService } from '../../testing/listening-service.ts'

afterEach(() => {
  vi.useRealTimers()
})

it('a request that takes nearly as long as it may is answered while the service closes', async () => {
  const reads = holdReads()
  const limits = { arrivalTimeoutMs: 60_000, maxDeadlineMs: 60_000 }
  const { server, url } = await startService({ limits, around: reads.around })
  const read = ask(url, '/v1/embeddings/read', { users: ['a'], models: ['m'] })
  await reads.until(1)
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  let isClosed = false
  const closing = server.close().then(() => {
    isClosed = true
  })
  for (let i = 0; i < 20; i++) await turn()
  vi.advanceTimersByTime(50_000)
  for (let i = 0; i < 20; i++) await turn()
  expect(isClosed).toBe(false)
  reads.release()
  expect((await read).status).toBe(200)
  await closing
})
