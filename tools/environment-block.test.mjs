import { parseEnv } from 'node:util'
import { expect, test } from 'vitest'
import { replaceBlock } from './environment-block.mjs'

const theirs = 'PORT=80\n# mine\nNAME=a b\n'

test('a block is added after other lines, replaced, and removed without a trace', () => {
  const first = replaceBlock(theirs, 'Driver', { VK_DRIVER_FILES: '/a b/lvp.json' })
  expect(first.startsWith(theirs)).toBe(true)
  expect(parseEnv(first)).toEqual({ PORT: '80', NAME: 'a b', VK_DRIVER_FILES: '/a b/lvp.json' })

  const second = replaceBlock(first, 'Driver', { VK_DRIVER_FILES: '/new' })
  expect(parseEnv(second).VK_DRIVER_FILES).toBe('/new')
  expect(second.match(/VK_DRIVER_FILES/g)).toHaveLength(1)
  expect(replaceBlock(second, 'Driver', { VK_DRIVER_FILES: '/new' })).toBe(second)

  expect(replaceBlock(second, 'Driver', {})).toBe(theirs)
})

test('blocks of two owners do not touch each other', () => {
  const both = replaceBlock(replaceBlock('', 'Driver', { A: '1' }), 'Browser', { B: '2' })
  expect(parseEnv(replaceBlock(both, 'Driver', { A: '3' }))).toEqual({ A: '3', B: '2' })
  expect(replaceBlock(replaceBlock(both, 'Driver', {}), 'Browser', {})).toBe('')
})
