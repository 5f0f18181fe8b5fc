import { expect, test } from 'vitest'
import { isRecent } from './programs.mjs'

test('knows a server that is new enough by what --version prints', () => {
  expect(isRecent('Valkey server v=8.1.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=384b3c0d')).toBe(true)
  expect(isRecent('Redis server v=7.2.4 sha=00000000:0 malloc=libc bits=64 build=1')).toBe(true)
  expect(isRecent('Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64 build=1')).toBe(false)
  expect(isRecent('Redis server v=10.0.0 sha=0')).toBe(true)
  expect(isRecent('')).toBe(false)
})
