/** Compressed files that were cut: DuckDB reads the part that is there and says nothing. */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { LogError } from '../log/log-error.ts'

/**
 * Reads a `.gz` file to its end, and a `.zst` file's frames and blocks by their headers alone (RFC 8878).
 * @throws LogError where the file ends within its data, or is not of its extension
 */
export async function checkWhole(path: string, signal?: AbortSignal): Promise<void> {
  if (/\.gz$/i.test(path)) await checkGzip(path, signal)
  if (/\.zst$/i.test(path)) await checkZstandard(path, signal)
}

async function checkGzip(path: string, signal: AbortSignal | undefined): Promise<void> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  try {
    await pipeline(createReadStream(path, { highWaterMark: 2 ** 18 }), createGunzip(), nowhere, { signal })
  } catch (cause) {
    signal?.throwIfAborted()
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'Z_BUF_ERROR') throw cutShort(path)
    throw new LogError(`cannot be read: ${message}`, 'check that it is gzip data', { file: path }, { cause })
  }
}

const magic = 0xfd2fb528
/** The first of sixteen numbers that begin a frame to be skipped. */
const skippableMagic = 0x184d2a50

async function checkZstandard(path: string, signal: AbortSignal | undefined): Promise<void> {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    let place = 0
    const header = Buffer.alloc(4)
    /** The next bytes, at most four, as a number. */
    const next = async (bytes: number): Promise<number> => {
      signal?.throwIfAborted()
      const { bytesRead } = await file.read(header, 0, bytes, place)
      if (bytesRead < bytes) throw cutShort(path)
      place += bytes
      return header.readUIntLE(0, bytes)
    }
    do {
      const start = await next(4)
      if (start >= skippableMagic && start < skippableMagic + 16) {
        const skipped = await next(4)
        place += skipped
        continue
      }
      if (start !== magic) {
        throw new LogError('cannot be read: no Zstandard frame', 'check that it is Zstandard data', { file: path })
      }
      const descriptor = await next(1)
      const isSingleSegment = (descriptor >> 5) & 1
      const sizeBytes = [isSingleSegment, 2, 4, 8][descriptor >> 6]
      place += (isSingleSegment ? 0 : 1) + [0, 1, 2, 4][descriptor & 3] + sizeBytes
      for (let isLast = false; !isLast; ) {
        const block = await next(3)
        isLast = (block & 1) === 1
        // A block of one repeated byte holds that byte alone.
        place += ((block >> 1) & 3) === 1 ? 1 : block >> 3
      }
      place += (descriptor >> 2) & 1 ? 4 : 0
    } while (place < size)
    if (place > size) throw cutShort(path)
  } finally {
    await file.close()
  }
}

function cutShort(path: string): LogError {
  return new LogError('is cut short: its compressed data ends early', 'copy or write it again', { file: path })
}
