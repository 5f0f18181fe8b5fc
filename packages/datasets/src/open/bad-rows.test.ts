import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { csvOf, Folder, failure, jsonlOf, type Row, readAndClose, row, rows, schema } from '../testing/sample-log.ts'

describe('bad rows', () => {
  const longKey = 'ž'.repeat(257)
  const cases: [title: string, bad: Partial<Row>, field: string, reason: string][] = [
    ['no user', { who: null }, 'who', 'is missing or empty'],
    ['no item', { what: null }, 'what', 'is missing or empty'],
    ['a long key', { what: longKey }, 'what', 'is a key of 514 bytes, longer than 512'],
    ['no time', { at: null }, 'at', 'is missing'],
    ['a time that is no number', { at: 'noon' }, 'at', '"noon" is no number of s since 1970'],
    ['a time of the wrong unit', { at: 1.6e12 }, 'at', 'is outside the years 1970 to 2200'],
    ['a time before 1970', { at: -1 }, 'at', '"-1" is outside the years 1970 to 2200'],
    ['a label that is missing', { click: null }, 'click', 'is missing, and task "click" needs it'],
    ['a label that is neither 0 nor 1', { click: 2 }, 'click', '"2" is neither 0 nor 1, as task "click"'],
    ['a number that is none', { price: 'cheap' }, 'price', '"cheap" is no number'],
    ['NaN', { price: 'NaN' }, 'price', '"NaN" is no finite number'],
    ['infinity', { price: '-inf' }, 'price', '"-inf" is no finite number'],
    ['a vector of another size', { 'shape vector': [1, 2, 3] }, 'shape', 'has 3 numbers, not 2'],
    ['a vector of infinity', { 'shape vector': [1, '1e999' as never] }, 'shape', 'is no list of finite numbers'],
    ['a vector of texts', { 'shape vector': ['a' as never, 'b' as never] }, 'shape', 'is no list of finite numbers'],
  ]

  test.each(cases)('%s', async (_, bad, field, reason) => {
    const folder = new Folder()
    const table = [...rows, row(bad), row({ who: 'last' })]
    const csv = folder.write('log.csv', csvOf(table))
    const inCsv = await failure(folder.open(csv))
    expect(inCsv).toMatchObject({ file: csv, row: 5, line: 6, field })
    expect(inCsv.message).toContain(`${csv}, row 5 (line 6), field "${field}": `)
    expect(inCsv.message).toContain(reason)
    expect(inCsv.message).toContain('maxBadRows 1')
    const jsonl = folder.write('log.jsonl', jsonlOf(table))
    const inJsonl = await failure(folder.open(jsonl))
    expect(inJsonl).toMatchObject({ file: jsonl, row: 5, field })
    expect(inJsonl.message).toContain(`${jsonl}, row 5, field "${field}": `)
    expect(inJsonl.message).toContain(reason)

    const log = await folder.open(csv, { maxBadRows: 1 })
    expect(log).toMatchObject({ rows: 5, skippedRows: 1, badRows: [{ file: csv, row: 5, line: 6, field }] })
    expect((await readAndClose(log)).map(({ user }) => user)).toEqual(['last', 'bob', 'bob', 'ann', 'čen'])
  })

  test('in Parquet: a key that is null, a number that is NaN, a vector with a gap', async () => {
    const folder = new Folder()
    for (const [change, field, reason] of [
      ['CASE WHEN stars = 2 THEN NULL ELSE who END AS who', 'who', 'is missing or empty'],
      ["CASE WHEN stars = 2 THEN 'NaN' ELSE price END AS price", 'price', '"nan" is no finite number'],
      [
        'CASE WHEN stars = 2 THEN [1, NULL] ELSE "shape vector"::DOUBLE[] END AS "shape vector"',
        'shape',
        'is no list of finite numbers',
      ],
    ]) {
      const path = await folder.parquet('log.parquet', rows, `* REPLACE (${change})`)
      const error = await failure(folder.open(path))
      expect(error).toMatchObject({ file: path, row: 3, field })
      expect(error.message).toContain(reason)
    }
  })

  test('a negative number in a vector that an aggregation takes as weights', async () => {
    const folder = new Folder()
    const path = folder.write('log.csv', csvOf(rows))
    const aggregations = [{ name: 'seen', of: 'user', kind: 'sum', by: 'shape' }]
    const error = await failure(folder.open(path, { json: { ...schema, aggregations } }))
    expect(error).toMatchObject({ file: path, row: 2, line: 3, field: 'shape' })
    expect(error.message).toContain('-4.0 is below 0, but "seen" takes the numbers as weights')
  })

  test('CSV lines of too few or too many columns count, and later rows keep their line', async () => {
    const folder = new Folder()
    const lines = csvOf([...rows, row({ at: 'noon' })])
      .trimEnd()
      .split('\n')
    lines.splice(2, 0, 'short,line')
    lines.splice(4, 0, `${lines[1]},and,more`)
    const path = folder.write('log.csv', lines.join('\n'))
    const error = await failure(folder.open(path))
    expect(error).toMatchObject({ file: path, row: 2, line: 3 })
    expect(error.message).toContain('cannot be split into columns')
    expect(error.message).toContain('3 rows are bad and maxBadRows is 0')
    expect(error.message).toContain('row 4 (line 5): cannot be split')
    expect(error.message).toContain(`row 7 (line 8), field "at": "noon"`)
    const log = await folder.open(path, { maxBadRows: 3 })
    expect(log).toMatchObject({ rows: 4, skippedRows: 3 })
    expect(log.badRows.map((bad) => bad.line)).toEqual([3, 5, 8])
    await log.close()
    const odd = folder.write('log[1].csv', lines.join('\n')).replace(/\//g, '//')
    expect((await failure(folder.open(odd))).message).toContain('log[1].csv, row 7 (line 8), field "at": "noon"')
  })

  test('JSONL lines that are no objects', async () => {
    const folder = new Folder()
    const path = folder.write('log.jsonl', `${jsonlOf(rows)}{"who": "ann", \n[1]\n`)
    const error = await failure(folder.open(path))
    expect(error).toMatchObject({ file: path, row: 5 })
    expect(error.message).toContain("is no JSON object with any of the schema's columns")
    expect(error.message).toContain(`${path}, row 6`)
    await (await folder.open(path, { maxBadRows: 2 })).close()
  })

  test('are listed to ten, from all files, and one too many is told with the first', async () => {
    const folder = new Folder()
    const bad = Array.from({ length: 8 }, () => row({ who: null }))
    const first = folder.write('a.csv', csvOf([...rows, ...bad]))
    const second = folder.write('b.csv', csvOf(bad))
    const glob = join(folder.path, '*.csv')
    const error = await failure(folder.open(glob, { maxBadRows: 15 }))
    expect(error).toMatchObject({ file: first, row: 5 })
    expect(error.message).toContain('16 rows are bad and maxBadRows is 15')
    const log = await folder.open(glob, { maxBadRows: 16 })
    expect(log).toMatchObject({ rows: 4, skippedRows: 16 })
    expect(log.badRows.length).toBe(10)
    expect(log.badRows[9]).toMatchObject({ file: second, row: 2, line: 3 })
    await log.close()
  })
})
