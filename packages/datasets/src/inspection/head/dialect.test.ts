import { expect, test } from 'vitest'
import { findDialect } from './dialect.ts'

test.each([
  [['user,item', 'a,b'], ',', ['user', 'item']],
  [['user;item;price', 'a;b;1,5', 'c;d;2,5'], ';', ['user', 'item', 'price']],
  [['user\titem\ttitle', 'a\tb\tOne, two'], '\t', ['user', 'item', 'title']],
  [['1::122::5::838985046', '2::7::3::838985050'], '::', ['column1', 'column2', 'column3', 'column4']],
  [['u,i,tags', 'a,"b, c",x|y', 'd,e,x|z'], ',', ['u', 'i', 'tags']],
  [['a|b', '1|2'], '|', ['a', 'b']],
  [['u1,i1,2026-01-05', 'u2,i2,2026-01-06'], ',', ['column1', 'column2', 'column3']],
])('%j are parted by %j', (lines, delimiter, columns) => {
  expect(findDialect(lines)).toMatchObject({ delimiter, columns, hasHeader: !columns[0].startsWith('column') })
})

test('one broken line among many changes nothing, and one column is none', () => {
  const lines = ['user,item', ...Array.from({ length: 20 }, (_, i) => `u${i},i${i}`), 'torn']
  expect(findDialect(lines)).toMatchObject({ delimiter: ',', hasHeader: true })
  expect(findDialect(['only', 'one', 'column'])).toBeNull()
})
