import { expect, it } from 'vitest'
import { KeyError } from './errors.ts'
import { checkKey, checkName } from './keys.ts'

it('takes keys up to the limit in bytes and refuses the rest', () => {
  for (const good of ['u', 'a'.repeat(512), 'é'.repeat(256), '😀'.repeat(128), ' ', 'a/b:c']) checkKey('user', good, 0)
  for (const bad of ['', 'a'.repeat(513), 'é'.repeat(257), 'a'.repeat(10_240), 'a\0b', '\ud83d', 'x\udc00y']) {
    expect(() => checkKey('user', bad, 3)).toThrow(KeyError)
    expect(() => checkKey('user', bad, 3)).toThrow(/row 3/)
  }
  expect(() => checkName('tenant', 'a'.repeat(129))).toThrow(KeyError)
})
