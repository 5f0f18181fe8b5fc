/** The first lines of a file of text, and what shows that it is none. */
import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { LogError } from '../../log/log-error.ts'

/** Bytes that are looked at; a line of a log is shorter. */
const headBytes = 2 ** 20
const mostLines = 500

/**
 * The first lines of a file, plain or `.gz`, that lie in its first bytes as a whole.
 * @param options `limit`: bytes that are read at most, unpacked; `isOneLine`: all of it may be one line, as of a JSON array
 * @throws LogError where the file is empty, no UTF-8 text, or its first line does not end within the limit
 */
export async function textLines(
  path: string,
  { limit = headBytes, isOneLine = false }: { readonly limit?: number; readonly isOneLine?: boolean } = {},
): Promise<string[]> {
  const { bytes, isWhole } = await head(path, limit)
  const fail = (reason: string, remedy: string) => new LogError(reason, remedy, { file: path })
  if (bytes.includes(0)) throw fail('is no text', 'give CSV, TSV, JSON, JSONL or Parquet, by an extension of that name')
  let text: string
  try {
    // A character may be cut at the end of what is read.
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: !isWhole })
  } catch (cause) {
    throw new LogError('is no UTF-8 text', 'write it as UTF-8', { file: path }, { cause })
  }
  const lines = text.split('\n')
  if (!isWhole && !isOneLine) lines.pop()
  if (!isWhole && lines.length === 0)
    throw fail(`has a first line of over ${limit.toLocaleString('en')} bytes`, 'end each row by a line break')
  const filled = lines.map((line) => line.replace(/\r$/, '')).filter((line) => line.trim() !== '')
  if (filled.length === 0) throw fail('is empty', 'give a file with events')
  return filled.slice(0, mostLines)
}

async function head(path: string, limit: number): Promise<{ readonly bytes: Buffer; readonly isWhole: boolean }> {
  const isPacked = /\.gz$/i.test(path)
  const file = createReadStream(path, isPacked ? {} : { end: limit })
  const stream = isPacked ? file.pipe(createGunzip()) : file
  file.on('error', (cause) => stream.destroy(cause))
  const parts: Buffer[] = []
  let length = 0
  try {
    for await (const part of stream) {
      parts.push(part)
      length += part.length
      if (length > limit) break
    }
  } catch (cause) {
    throw new LogError(
      `cannot be read: ${(cause as Error).message}`,
      'check that it is whole',
      { file: path },
      { cause },
    )
  } finally {
    file.destroy()
  }
  return { bytes: Buffer.concat(parts).subarray(0, limit), isWhole: length <= limit }
}
