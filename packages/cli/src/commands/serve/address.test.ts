import { expect, test } from 'vitest'
import { addressOf, plaintextWarning } from './address.ts'

test.each([
  ['0.0.0.0', false, 'http://0.0.0.0:80'],
  ['::', true, 'https://[::]:80'],
  ['::1', false, 'http://[::1]:80'],
  ['10.0.0.5', true, 'https://10.0.0.5:80'],
])('an address of %s is written as it is', (address, isSecure, url) => {
  expect(addressOf({ address, port: 80, family: '' }, isSecure)).toBe(url)
})

test('whoever is reached by others without TLS is warned', async () => {
  const warned = async (host: string, isSecure: boolean) =>
    (await plaintextWarning(host, `http://${host}:1`, isSecure))?.message ?? null
  for (const host of ['0.0.0.0', '::', '10.0.0.5', 'service.example', '127.evil.example'])
    expect(await warned(host, false)).toContain(`NO TLS on http://${host}:1`)
  for (const host of ['0.0.0.0', 'service.example']) expect(await warned(host, true)).toBeNull()
  for (const host of ['127.0.0.1', '127.8.9.1', 'localhost', '::1']) expect(await warned(host, false)).toBeNull()
})
