/** The client in a real browser's page, of the service's origin, with a service behind it. */
import { fileURLToPath } from 'node:url'
import type * as ClientModule from '@headwater/client'
import { openBrowser, temporaryDirectory } from '@headwater/testkit'
import { expect, it } from 'vitest'
import { createViteServer } from 'vitest/node'
import { tokenOf } from '../../testing/http-service.ts'
import { startService } from '../../testing/listening-service.ts'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

it('reads and writes from a page, and tells errors as it does in Node', async () => {
  const { url, pooling } = await startService()
  // Serves the page and the client's modules, and passes on what is the service's.
  const pages = await createViteServer({
    configFile: false,
    root: path('../../../client'),
    cacheDir: temporaryDirectory(),
    logLevel: 'error',
    resolve: { conditions: ['@headwater/source', 'module', 'browser'] },
    server: { host: '127.0.0.1', port: 0, hmr: false, watch: null, proxy: { '/v1': url } },
    optimizeDeps: { include: ['msgpackr'], noDiscovery: true },
  })
  const browser = await openBrowser()
  try {
    await pages.listen()
    const page = await browser.newPage()
    const body = `<script type="module">import * as client from '/src/index.ts'; window.client = client</script>`
    await page.route('**/page', (route) => route.fulfill({ contentType: 'text/html', body }))
    await page.goto(`${pages.resolvedUrls!.local[0]}page`)
    const told = await page.evaluate(
      async ({ origin, token }) => {
        const { BadRequestError, createClient } = (globalThis as unknown as { client: typeof ClientModule }).client
        const client = createClient({ url: origin, token, deadlineMs: 30_000 })
        const event = { users: ['ann'], items: ['i'], timesMs: [Date.now()], fields: { rating: [9] } }
        await client.ingest(event)
        const [ann, cold] = await Promise.all([client.read(['ann'], ['m']), client.read(['cold'], ['m'])])
        const [error] = await Promise.all([client.read([''], ['m']).catch((cause: unknown) => cause)])
        return {
          cold: [...cold.models[0].vectors],
          isTyped: ann.models[0].vectors instanceof Float32Array && ann.models[0].ageMs instanceof Float64Array,
          calls: performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/read')).length,
          isBadRequest: error instanceof BadRequestError,
          code: (error as InstanceType<typeof BadRequestError>).code,
        }
      },
      { origin: new URL(page.url()).origin, token: tokenOf.writer },
    )
    // Two reads of one tick are one call, and the bad one is another.
    expect(told).toEqual({ cold: [9, 8, 7, 6], isTyped: true, calls: 2, isBadRequest: true, code: 'invalid_key' })
    expect(pooling.counters.events).toBe(1)
  } finally {
    await browser.close()
    await pages.close()
  }
})
