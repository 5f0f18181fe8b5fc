import { expect, test } from 'vitest'
import { parseCsvHeader } from './csv-header.ts'

test.each([
  ['a,b', ['a', 'b']],
  ['\uFEFFuser,item\r', ['user', 'item']],
  [',a,,b,', ['', 'a', '', 'b', '']],
  ['"a,b","say ""x""",""', ['a,b', 'say "x"', '']],
  ['', ['']],
])('%j', (line, names) => {
  expect(parseCsvHeader(line)).toEqual(names)
})
