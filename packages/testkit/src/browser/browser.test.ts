import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { openBrowser } from './browser.ts'
import { NoBrowserError } from './program.ts'

afterEach(() => vi.unstubAllEnvs())

test('opens a page of a local server and runs its script', async () => {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html')
    response.end('<title>page</title><p id="answer"></p><script>answer.textContent = 6 * 7</script>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const browser = await openBrowser()
  try {
    const page = await browser.newPage()
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    expect(await page.textContent('#answer')).toBe('42')
  } finally {
    await browser.close()
    server.close()
  }
})

test('says how to get a browser where there is none', async () => {
  vi.stubEnv('CHROMIUM_PATH', '/nowhere/chromium')
  const opened = openBrowser()
  await expect(opened).rejects.toThrow(NoBrowserError)
  await expect(opened).rejects.toThrow(/\/nowhere\/chromium.*npm run setup -- --browser/)
})
