/** Files of lines, a block of whole lines at a time, so that a large one takes little memory and holds nobody up. */
import { createReadStream } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import type { LogDirectory } from '../directory/log-directory.ts'

const blockBytes = 2 ** 18
const newline = 0x0a

/** Whole lines of a file, many a block; what follows the last newline is left out. */
export async function* blocksOf(path: string): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of createReadStream(path, { highWaterMark: blockBytes })) {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : (chunk as Buffer)
    const end = bytes.lastIndexOf(newline) + 1
    if (end > 0) yield bytes.subarray(0, end)
    rest = bytes.subarray(end)
  }
}

/** Lines of a block. */
export function linesOf(block: Buffer): string[] {
  return block.toString().split('\n').slice(0, -1)
}

function withoutLines(block: Buffer, key: string, value: string): { readonly kept: Buffer; readonly removed: number } {
  if (block.indexOf(JSON.stringify(value)) < 0) return { kept: block, removed: 0 }
  const lines = linesOf(block)
  const kept = lines.filter((line) => JSON.parse(line)[key] !== value)
  return { kept: Buffer.from(kept.map((line) => `${line}\n`).join('')), removed: lines.length - kept.length }
}

/** What would be left of a file without the lines whose `key` is `value`, and how many those are. */
export async function surveyLines(path: string, key: string, value: string) {
  const left = { rows: 0, bytes: 0, removed: 0 }
  for await (const block of blocksOf(path)) {
    const { kept, removed } = withoutLines(block, key, value)
    left.rows += countLines(kept)
    left.bytes += kept.length
    left.removed += removed
  }
  return left
}

/** Writes a file anew without those lines. */
export async function removeLines(directory: LogDirectory, path: string, key: string, value: string): Promise<void> {
  await directory.replace(path, async (file) => {
    for await (const block of blocksOf(path)) await writeAll(file, withoutLines(block, key, value).kept, null)
  })
}

/** Lines of a block. */
export function countLines(block: Buffer): number {
  let count = 0
  for (let at = block.indexOf(newline); at >= 0; at = block.indexOf(newline, at + 1)) count++
  return count
}

/** The lines that an interrupted writer left whole, and the bytes that they take. */
export async function wholeLines(path: string): Promise<{ readonly lines: readonly string[]; readonly bytes: number }> {
  const lines: string[] = []
  let bytes = 0
  for await (const block of blocksOf(path)) {
    for (const line of linesOf(block)) {
      if (!isObject(line)) return { lines, bytes }
      lines.push(line)
      bytes += Buffer.byteLength(line) + 1
    }
  }
  return { lines, bytes }
}

function isObject(line: string): boolean {
  try {
    return typeof JSON.parse(line) === 'object'
  } catch {
    return false
  }
}

/** @param position null: behind what was written last */
export async function writeAll(file: FileHandle, bytes: Uint8Array, position: number | null): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const at = position === null ? null : position + done
    done += (await file.write(bytes, done, bytes.length - done, at)).bytesWritten
  }
}
