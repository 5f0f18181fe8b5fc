import { chmodSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SchemaError } from '@headwater/features'
import { describe, expect, test } from 'vitest'
import { openLog } from '../index.ts'
import { csvOf, Folder, failure, jsonlOf, ownTemporaryFolder, row, rows, schema } from '../testing/sample-log.ts'

describe('a log that cannot be opened', () => {
  test('files that are missing, folders, unreadable or of unknown extension', async () => {
    const folder = new Folder()
    const missing = join(folder.path, 'none.csv')
    expect((await failure(folder.open(missing))).message).toBe(`${missing}: no such file; check the path`)
    const glob = join(folder.path, 'none-*.csv')
    expect((await failure(folder.open(glob))).message).toBe(`${glob}: no file matches; check the glob`)
    mkdirSync(join(folder.path, 'logs.csv'))
    expect((await failure(folder.open(join(folder.path, 'logs.csv')))).message).toContain('is a folder; name its files')
    for (const name of ['log.txt', 'log.parquet.gz', 'csv']) {
      const path = folder.write(name, csvOf(rows))
      expect((await failure(folder.open(path))).message).toContain(`${path}: no known extension; use .parquet, .csv`)
    }
    const locked = folder.write('locked.csv', csvOf(rows))
    chmodSync(locked, 0)
    // A superuser reads it all the same.
    if (process.getuid?.() !== 0) expect((await failure(folder.open(locked))).message).toContain('cannot be read')
  })

  test('files that are not what their extension says', async () => {
    const folder = new Folder()
    const cut = readFileSync(await folder.parquet('whole.parquet', rows))
    for (const path of [
      folder.write('text.parquet', csvOf(rows)),
      folder.write('cut.parquet', cut.subarray(0, cut.length - 20)),
      folder.write('text.csv.gz', csvOf(rows)),
      folder.write('text.jsonl.gz', jsonlOf(rows)),
    ]) {
      const error = await failure(folder.open(path))
      expect(error.file).toBe(path)
      expect(error.message).toContain(`${path}: cannot be read`)
    }
  })

  test('columns that are not there', async () => {
    const folder = new Folder()
    const json = { ...schema, fields: [...schema.fields, { name: 'colour', of: 'item', type: 'id' }] }
    for (const path of [
      folder.write('log.csv', csvOf(rows)),
      folder.write('log.jsonl', jsonlOf(rows)),
      await folder.parquet('log.parquet', rows),
    ]) {
      const error = await failure(folder.open(path, { json }))
      expect(error).toMatchObject({ file: path, field: 'colour' })
      expect(error.message).toContain(`${path}, field "colour": has no column "colour"`)
      expect(error.message).toMatch(/the columns are .*"shape vector"/)
    }
    const twice = folder.write('twice.csv', 'who,what,at,who\n')
    expect((await failure(folder.open(twice))).message).toContain('column "who" is there twice')
  })

  test('logs without rows, or with one class', async () => {
    const folder = new Folder()
    for (const content of [csvOf([]), csvOf([row({ who: null })])]) {
      const path = folder.write('empty.csv', content)
      expect((await failure(folder.open(path, { maxBadRows: 1 }))).message).toContain(`${path}: the log has no rows`)
    }
    const nothing = folder.write('nothing.csv', '')
    expect((await failure(folder.open(nothing))).message).toContain('is empty; start it with a line of column')
    const clicks = folder.write('ones.csv', csvOf([row({ stars: 5 }), row({ stars: 1 })]))
    const error = await failure(folder.open(clicks))
    expect(error).toMatchObject({ file: clicks, field: 'click' })
    expect(error.message).toContain('task "click" (at least 1) has one class: its label is 0 in all rows')
  })

  test('options and schemas that cannot be used', async () => {
    const folder = new Folder()
    const data = folder.write('log.csv', csvOf(rows))
    expect((await failure(openLog({ data }))).message).toContain('no schema is given')
    expect((await failure(openLog({ data, schema: 'none.json' }))).message).toContain('the schema cannot be read')
    const broken = folder.write('broken.json', '{')
    expect((await failure(openLog({ data, schema: broken }))).message).toContain('the schema is no JSON')
    await expect(folder.open(data, { json: { ...schema, version: 2 } })).rejects.toThrow(SchemaError)
    expect((await failure(folder.open(data, { maxBadRows: -1 }))).message).toContain('maxBadRows is -1')
    expect((await failure(openLog({ data: 'synthetic', schema: broken }))).message).toContain('has its own schema')
    expect((await failure(openLog({ data: 'synthetic', seed: 0.5 }))).message).toContain('the seed is 0.5')
  })

  test('leave no temporary files', async () => {
    const folder = new Folder()
    const temporary = ownTemporaryFolder()
    await failure(folder.open(folder.write('empty.csv', csvOf([]))))
    expect(readdirSync(temporary)).toEqual([])
  })
})
