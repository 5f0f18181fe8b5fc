import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryDirectory } from './temporary-directory.ts'

const ofFile = temporaryDirectory()
let ofFirstTest = ''

test('is new and empty', () => {
  ofFirstTest = temporaryDirectory()
  expect(ofFirstTest).not.toBe(ofFile)
  expect(readdirSync(ofFirstTest)).toEqual([])
  writeFileSync(join(ofFirstTest, 'file'), 'content')
  writeFileSync(join(ofFile, 'file'), 'content')
})

test('is gone after its test, and the one of the file is not', () => {
  expect(existsSync(ofFirstTest)).toBe(false)
  expect(readdirSync(ofFile)).toEqual(['file'])
})
