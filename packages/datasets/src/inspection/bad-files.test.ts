import { readdirSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { LogError } from '../index.ts'
import { Folder, ownTemporaryFolder } from '../testing/sample-log.ts'
import { textLines } from './head/text-lines.ts'
import { inspectLog } from './inspect-log.ts'

async function refusal(data: readonly string[], join: readonly string[] = []): Promise<LogError> {
  const temporary = ownTemporaryFolder()
  const error = await inspectLog({ data, join }).then(
    () => undefined,
    (cause: unknown) => cause,
  )
  expect(error).toBeInstanceOf(LogError)
  expect(readdirSync(temporary)).toEqual([])
  return error as LogError
}

const binary = Uint8Array.from({ length: 4096 }, (_, i) => (i * 37) % 256)
const table = 'userId,movieId,time\nu1,m1,2026-01-05\nu2,m1,2026-01-06\n'

test.each([
  ['log.csv', binary, 'is no text'],
  ['log.jsonl', binary, 'is no text'],
  ['log.csv', Uint8Array.of(0x75, 0x2c, 0xff, 0x0a), 'is no UTF-8 text'],
  ['log.csv', '', 'is empty'],
  ['log.csv.gz', gzipSync('\n\n'), 'is empty'],
  ['log.parquet', '', 'cannot be read'],
  ['log.parquet', table, 'cannot be read'],
  ['log.csv.gz', table, 'cannot be read'],
  ['log.csv', 'user\nu1\nu2\n', 'has one column'],
  ['log.txt', '{"user":"u1"}\n', 'holds JSON; name it .jsonl'],
])('%s of %# is refused with its place', async (name, content, reason) => {
  const path = new Folder().write(name, content)
  const error = await refusal([path])
  expect(error.file).toBe(path)
  expect(error.message).toContain(`${path}: ${reason}`)
})

test('a line that does not end is not read to its end', async () => {
  const folder = new Folder()
  for (const [name, bytes] of [
    ['log.csv', Buffer.alloc(5000, 'a')],
    ['log.csv.gz', gzipSync(Buffer.alloc(5000, 'a'))],
  ] as const) {
    const path = folder.write(name, bytes)
    await expect(textLines(path, { limit: 1000 })).rejects.toThrow(`${path}: has a first line of over 1,000 bytes`)
    expect(await textLines(path, { limit: 6000 })).toEqual(['a'.repeat(5000)])
  }
  const lines = folder.write('lines.csv', 'a,b\n1,2\n'.repeat(300))
  expect(await textLines(lines, { limit: 10 })).toEqual(['a,b', '1,2'])
})

test('several files of which none, or more than one, is the log', async () => {
  const folder = new Folder()
  const [a, b] = ['a.csv', 'b.csv'].map((name) => folder.write(name, table))
  expect((await refusal([a, b])).message).toContain('give the log by --data (parts of one log by a glob)')
  expect((await refusal([a, `${folder.path}/none.csv`])).message).toContain('none.csv: no such file')
})
