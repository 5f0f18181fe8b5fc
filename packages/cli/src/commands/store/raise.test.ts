/** `headwater store raise`, over a real Valkey. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '@headwater/testkit'
import { startValkey, type ValkeyNode } from '@headwater/testkit/valkey'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { headwaterIn } from '../../testing/headwater.ts'

const home = temporaryDirectory()
const raise = (...args: string[]) => headwaterIn(home, 'store', 'raise', ...args)
let node: ValkeyNode
let url: string
beforeAll(async () => {
  node = await startValkey()
  url = `valkey://${node.address}`
})
afterAll(() => node.close())

test('a tenant of the format before is raised once, and said to be', async () => {
  await node.command('SET', 'hw:shop:format', '2')
  const first = await raise(url, '--tenant', 'shop', '--json', 'raised.json')
  expect(first).toMatchObject({
    code: 0,
    stdout: 'tenant "shop" had format 2; servers that are started from now on write format 3\n',
  })
  expect(JSON.parse(readFileSync(join(home, 'raised.json'), 'utf8'))).toMatchObject({
    tenant: 'shop',
    before: 2,
    now: 3,
  })
  expect(await node.command('GET', 'hw:shop:format')).toBe('3')
  expect(await raise(url, '--tenant', 'shop')).toMatchObject({
    code: 0,
    stdout: 'tenant "shop" has format 3 already\n',
  })
})

test('a tenant that is not there, and a store of another kind, are refused, and nothing is written', async () => {
  const nobody = await raise(url, '--tenant', 'nobody', '--json', 'nobody.json')
  expect(nobody).toMatchObject({ code: 1, stdout: '' })
  expect(nobody.stderr).toMatch(/headwater: nothing was ever written of the tenant "nobody"/)
  expect(await node.command('GET', 'hw:nobody:format')).toBeNull()
  const other = await raise('lmdb:store')
  expect(other).toMatchObject({ code: 1, stdout: '' })
  expect(other.stderr).toMatch(/only a Valkey store is raised; `headwater store copy` brings an LMDB store up to date/)
  expect(['nobody.json', 'store'].filter((name) => existsSync(join(home, name)))).toEqual([])
})
