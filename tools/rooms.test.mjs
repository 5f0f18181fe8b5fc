import { expect, test } from 'vitest'
import { npmPackages } from './package-files.mjs'
import { againstTheRule, circlesOf, importsOf } from './rooms.mjs'

test.each(npmPackages())('packages/%s', (name) => {
  expect(againstTheRule(name)).toEqual([])
})

test('imports are read in every form', () => {
  const source = `import './a.ts'
import b from './b.ts'
import type { C } from './c.ts'
import {
  type D,
  e,
} from "./d.ts"
export * from './f.ts'
export { g } from './g.ts'
type H = import('./h.ts').H
const i = await import('./i.ts')
/** @import { J } from './j.mjs' */
const k = require('./k.cjs')
export const from = 'text', other = Array.from('text')
throw new Error("copied from './x.ts'")`
  const letters = importsOf(source).map((path) => path.slice(2, 3))
  expect(letters.sort().join('')).toBe('abcdfghijk')
})

test.each([
  ['files', { 'src/a.ts': ['src/b.ts'], 'src/b.ts': ['src/a.ts'] }, 'src: a.ts → b.ts → a.ts'],
  ['folders', { 'src/a/x.ts': ['src/b/x.ts'], 'src/b/y.ts': ['src/a/y.ts'] }, 'src: a → b → a'],
  ['a file and a folder', { 'src/a.ts': ['src/b/x.ts'], 'src/b/y.ts': ['src/a.ts'] }, 'src: a.ts → b → a.ts'],
  ['folders beside src', { 'src/a.ts': ['bin/b.js'], 'bin/c.js': ['src/d.ts'] }, ': src → bin → src'],
])('a circle of %s is found', (_, imports, circle) => {
  expect(circlesOf(new Map(Object.entries(imports)))).toEqual([circle])
})

test('what runs in one direction is no circle', () => {
  const imports = { 'src/a.ts': ['src/b/x.ts', 'src/c.ts'], 'src/b/x.ts': ['src/b/y.ts', 'src/c.ts'] }
  expect(circlesOf(new Map(Object.entries(imports)))).toEqual([])
})
