import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { userPath } from './paths.ts'

afterEach(() => vi.unstubAllEnvs())

test('relative paths start where npm or Nx was called, else in the current directory', () => {
  vi.stubEnv('INIT_CWD', '/home/user/logs')
  expect(userPath('out.json')).toBe('/home/user/logs/out.json')
  expect(userPath('../*.parquet')).toBe('/home/user/*.parquet')
  expect(userPath('/tmp/out.json')).toBe('/tmp/out.json')
  vi.stubEnv('INIT_CWD', undefined)
  expect(userPath('out.json')).toBe(join(process.cwd(), 'out.json'))
})
