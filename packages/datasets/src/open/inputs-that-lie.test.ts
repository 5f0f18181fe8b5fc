/** Logs that can be read and are not what they seem. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { farTimes } from '../files/suspicions.ts'
import { checkWhole } from '../files/whole-file.ts'
import {
  csvOf,
  Folder,
  failure,
  jsonlOf,
  type Row,
  readAndClose,
  row,
  rows,
  schema,
  sql,
} from '../testing/sample-log.ts'

describe('compressed files that were cut', () => {
  const many = Array.from({ length: 300 }, (_, i) =>
    row({ who: `user-${i}`, at: i, price: i * 0.37, click: i % 2, stars: i % 6 }),
  )

  test('gzip at any byte, the end of a line too', async () => {
    const folder = new Folder()
    // Stored, not deflated, so that lines end at bytes that are known.
    const whole = gzipSync(csvOf(many), { level: 0 })
    const lineEnds = [...whole.keys()].filter((i) => whole[i - 1] === 10)
    for (const bytes of [1, 5, 10, 11, lineEnds[2], lineEnds[150], whole.length - 8, whole.length - 1]) {
      const path = folder.write('log.csv.gz', whole.subarray(0, bytes))
      const error = await failure(folder.open(path))
      expect(error).toMatchObject({ file: path, reason: 'is cut short: its compressed data ends early' })
    }
    expect((await readAndClose(await folder.open(folder.write('log.csv.gz', whole)))).length).toBe(300)
    // Deflated as usual, at any byte at all.
    const usual = gzipSync(csvOf(many))
    for (let bytes = 1; bytes < usual.length; bytes += bytes < 30 || bytes > usual.length - 30 ? 1 : 53)
      await expect(checkWhole(folder.write('cut.gz', usual.subarray(0, bytes))), `${bytes}`).rejects.toThrow(
        'cut short',
      )
    // Two files one after the other are one, and their second may be cut as well.
    const two = Buffer.concat([gzipSync('a\n'), gzipSync('b\n')])
    await checkWhole(folder.write('two.gz', two))
    await expect(checkWhole(folder.write('two.gz', two.subarray(0, -3)))).rejects.toThrow('is cut short')
  })

  test('Zstandard at any byte', async () => {
    const folder = new Folder()
    const csv = folder.write('log.csv', csvOf(many))
    const path = join(folder.path, 'log.csv.zst')
    await sql(`COPY (SELECT * FROM read_csv('${csv}', all_varchar = true)) TO '${path}' (FORMAT csv, COMPRESSION zstd)`)
    const whole = readFileSync(path)
    for (let bytes = 0; bytes < whole.length; bytes += bytes < 20 || bytes > whole.length - 20 ? 1 : 97) {
      const cut = folder.write('cut.csv.zst', whole.subarray(0, bytes))
      await expect(checkWhole(cut), `${bytes} bytes`).rejects.toThrow('is cut short')
    }
    await checkWhole(path)
    const skipped = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3])
    await checkWhole(folder.write('two.csv.zst', Buffer.concat([skipped, whole, whole])))
    await expect(checkWhole(folder.write('text.csv.zst', csvOf(many)))).rejects.toThrow('no Zstandard frame')
    expect((await failure(folder.open(folder.write('cut.csv.zst', whole.subarray(0, -1))))).reason).toContain('cut')
  })
})

describe('other forms of text', () => {
  const table = rows.map((given) => ({ ...given, place: given.place?.replace(/[",]/g, '') ?? null }))
  const cells = (delimiter: string) =>
    table
      .map((each) =>
        Object.values(each)
          .map((value) => (Array.isArray(value) ? value.join('|') : (value ?? '')))
          .join(delimiter),
      )
      .join('\n')
  const names = Object.keys(row({}))

  test('read the same: tabs, "::" without a line of names, an array of JSON', async () => {
    const folder = new Folder()
    const expected = await readAndClose(await folder.open(folder.write('log.csv', csvOf(table))))
    expect(expected.length).toBe(4)
    const tsv = folder.write('log.tsv', `${names.join('\t')}\n${cells('\t')}\n`)
    expect(await readAndClose(await folder.open(tsv))).toEqual(expected)
    const dat = folder.write('log.dat', `${cells('::')}\n`)
    const json = { ...schema, delimiter: '::', columns: names }
    expect(await readAndClose(await folder.open(dat, { json }))).toEqual(expected)
    const headed = folder.write('log.txt', `${names.join(';')}\n${cells(';')}\n`)
    expect(await readAndClose(await folder.open(headed, { json: { ...schema, delimiter: ';' } }))).toEqual(expected)
    const array = folder.write('log.json', `[${jsonlOf(table).trim().replaceAll('\n', ',\n')}]`)
    expect(await readAndClose(await folder.open(array))).toEqual(expected)
  })

  test('are refused with their place', async () => {
    const folder = new Folder()
    const dat = folder.write('log.dat', `${cells('::')}\n`)
    expect((await failure(folder.open(dat))).message).toContain('or set "delimiter" in the schema')
    const columns = names.map((name) => (name === 'what' ? 'which' : name))
    expect(await failure(folder.open(dat, { json: { ...schema, delimiter: '::', columns } }))).toMatchObject({
      file: dat,
      field: 'what',
    })
    const bad = folder.write('bad.json', `[${JSON.stringify(table[0])}, 3, ${JSON.stringify(row({ at: 'noon' }))}]`)
    expect(await failure(folder.open(bad))).toMatchObject({ file: bad, row: 2, field: 'who' })
    const cut = folder.write('cut.json', `[${JSON.stringify(table[0])}, {"who": "a`)
    expect((await failure(folder.open(cut))).message).toContain(`${cut}: cannot be read`)
    for (const delimiter of ['', '"', ':::::', 'é', 1])
      await expect(folder.open(dat, { json: { ...schema, delimiter } })).rejects.toThrow('delimiter: is')
  })
})

describe('warnings', () => {
  const day = 86_400
  const start = Date.UTC(2023, 0) / 1000
  const usual = Array.from({ length: 400 }, (_, i): Row => {
    return row({
      who: `u${i % 40}`,
      what: `w${i % 7}`,
      at: start + (i * day) / 10,
      click: i % 2,
      price: i,
      stars: 1 + (i % 5),
      tags: [`t${i % 3}`],
      place: `p${i % 4}`,
      'shape vector': [i, 1],
    })
  })
  const warningsOf = async (table: readonly Row[]) => {
    const folder = new Folder()
    const log = await folder.open(folder.write('log.jsonl', jsonlOf(table)))
    await log.close()
    return log.warnings
  }

  test('none of a usual log', async () => {
    expect(await warningsOf(usual)).toEqual([])
  })

  test('one time far from all others, with its place', async () => {
    const [warning, ...others] = await warningsOf([
      ...usual.slice(0, 100),
      { ...usual[100], at: 3600 },
      ...usual.slice(101),
    ])
    expect(others).toEqual([])
    expect(warning).toMatch(
      /^1 row lies far from all others in time, from 1970-01-01T01:00:00Z to .* look at .*log\.jsonl, row 101, field "at"\.$/,
    )
  })

  test('rows that are there twice, columns of one value and of none', async () => {
    const table = usual.map((each) => ({ ...each, price: 5, place: null }))
    expect(await warningsOf([...table, ...table.slice(0, 3)])).toEqual([
      '3 of 403 rows repeat an earlier one in every column.',
      '"place" is missing in all 403 rows.',
      '"price" has one value in all 403 rows.',
    ])
  })

  test('times far off at both ends, and few; not a gap in the middle', () => {
    const at = (firstMs: number, rows: number) => ({ firstMs, lastMs: firstMs, rows })
    const usual = [at(100, 500), at(110, 500)]
    expect(farTimes([at(0, 2), ...usual])).toEqual([at(0, 2)])
    expect(farTimes([at(0, 2), ...usual, at(500, 1)])).toEqual([at(500, 1), at(0, 2)])
    expect(farTimes([at(0, 1), at(30, 1), ...usual])).toEqual([{ firstMs: 0, lastMs: 30, rows: 2 }])
    expect(farTimes([at(0, 500), at(100, 500)])).toEqual([])
    expect(farTimes([at(0, 20), ...usual])).toEqual([])
    expect(farTimes([at(0, 1000)])).toEqual([])
  })
})
