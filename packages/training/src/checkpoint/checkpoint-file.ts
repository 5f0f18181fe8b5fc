/**
 * A checkpoint on disk, one file: the text `HWCHECK2`, u64 bytes of a JSON header, the header, the raw bytes of the buffers
 * that it lists, and a SHA-256 of all that. Little-endian. It is written beside its final place and gets its name by one
 * rename, so a file of that name is whole unless the disk spoilt it, which the checksum tells.
 */
import { createHash } from 'node:crypto'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isOldForm, ModelConfigError, parseModelConfig } from '@headwater/runtime'
import { syncDirectory } from '@headwater/snapshot'
import { CheckpointError } from './checkpoint-error.ts'
import type { TrainingState } from './training-state.ts'

/** Where a run through a log stood. */
export interface RunState {
  /** Rounds finished before the one under way. */
  readonly rounds: number
  /** Of the rounds finished and the one under way: what was read, in its order. */
  readonly labels: readonly string[]
  /** Number of the snapshot that the round under way will be published as. */
  readonly snapshot: number
  readonly training: TrainingState
}

/** Everything that training depends on besides the log; a checkpoint with other settings cannot be resumed. */
export type CheckpointSettings = { readonly [name: string]: unknown }

export interface CheckpointHeader {
  readonly settings: CheckpointSettings
  readonly state: RunState
  readonly buffers: readonly { readonly name: string; readonly sizeBytes: number }[]
}

const magic = new TextEncoder().encode('HWCHECK2')
const sumBytes = 32
const maxHeaderBytes = 32 * 2 ** 20
const chunkBytes = 2 ** 20

/** What writers that were killed leave behind; the group holds their process. */
export const partialCheckpoint = /^\.checkpoint-\d+-(\d+)\.partial$/

/**
 * Writes a checkpoint, whole or not at all.
 * @param chunks the bytes of `header.buffers` in their order; a chunk may change once the next one is asked for
 * @throws CheckpointError where the disk cannot take it, and what `chunks` throws
 */
export async function writeCheckpoint(
  path: string,
  partial: string,
  header: CheckpointHeader,
  chunks: AsyncIterable<Uint8Array>,
): Promise<void> {
  const json = new TextEncoder().encode(JSON.stringify(header))
  const start = new Uint8Array(magic.length + 8 + json.length)
  start.set(magic)
  new DataView(start.buffer).setBigUint64(magic.length, BigInt(json.length), true)
  start.set(json, magic.length + 8)
  const hash = createHash('sha256')
  try {
    const file = await open(partial, 'wx')
    try {
      const append = async (bytes: Uint8Array) => {
        for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten
      }
      hash.update(start)
      await append(start)
      for await (const chunk of chunks) {
        hash.update(chunk)
        await append(chunk)
      }
      await append(hash.digest())
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(partial, path)
    await syncDirectory(dirname(path))
  } catch (cause) {
    await rm(partial, { force: true }).catch(() => undefined)
    const { code } = cause as NodeJS.ErrnoException
    if (code === undefined || !('syscall' in (cause as object))) throw cause
    throw new CheckpointError(
      `Checkpoint ${path} cannot be written (${code}): give the disk room or choose another place. Checkpoints that were there are as they were.`,
      { cause },
    )
  }
}

/** A checkpoint that was found whole, open for its buffers to be read. */
export class CheckpointFile {
  readonly path: string
  readonly header: CheckpointHeader
  /** It was written with a config of the older form; its settings are in today's. */
  readonly isOlder: boolean
  readonly #file: FileHandle
  readonly #dataStart: number

  private constructor(path: string, header: CheckpointHeader, isOlder: boolean, file: FileHandle, dataStart: number) {
    this.path = path
    this.header = header
    this.isOlder = isOlder
    this.#file = file
    this.#dataStart = dataStart
  }

  /** Opens a checkpoint and checks all of its bytes. @throws CheckpointError for one that is damaged or of another format */
  static async open(path: string): Promise<CheckpointFile> {
    const fail = (what: string, cause?: unknown) =>
      new CheckpointError(`Checkpoint ${path} ${what}. Remove it; an older one or a new start takes its place.`, {
        cause,
      })
    const file = await open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
      throw fail(`cannot be read (${cause.code})`, cause)
    })
    try {
      const { size } = await file.stat()
      const least = magic.length + 8 + sumBytes
      if (size < least) throw fail(`is cut short: ${size} bytes`)
      const start = await readExactly(file, 0, magic.length + 8)
      if (!magic.every((byte, i) => start[i] === byte)) throw fail('is of a format that this version does not read')
      const headerBytes = Number(new DataView(start.buffer).getBigUint64(magic.length, true))
      if (headerBytes > maxHeaderBytes || least + headerBytes > size)
        throw fail(`is cut short or damaged: a header of ${headerBytes} bytes in a file of ${size}`)
      const hash = createHash('sha256')
      for (let at = 0; at < size - sumBytes; at += chunkBytes)
        hash.update(await readExactly(file, at, Math.min(chunkBytes, size - sumBytes - at)))
      if (!hash.digest().equals(await readExactly(file, size - sumBytes, sumBytes)))
        throw fail('is cut short or damaged: its checksum does not match')
      const json = await readExactly(file, magic.length + 8, headerBytes)
      // The checksum holds, so this is what a writer of this format wrote.
      const header = JSON.parse(new TextDecoder().decode(json)) as CheckpointHeader
      const dataBytes = header.buffers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
      if (least + headerBytes + dataBytes !== size) throw fail(`lists ${dataBytes} bytes of buffers, which it has not`)
      const { config } = header.settings
      const isOlder = isOldForm(config)
      const settings = isOlder
        ? { ...header.settings, config: parseModelConfig(config, `${path}, config`) }
        : header.settings
      return new CheckpointFile(path, { ...header, settings }, isOlder, file, magic.length + 8 + headerBytes)
    } catch (cause) {
      await file.close()
      throw cause instanceof ModelConfigError ? fail(`cannot be read: ${cause.message}`, cause) : cause
    }
  }

  /** Hands the bytes of a buffer on, chunk by chunk. @throws CheckpointError where it has none of this name and size */
  async read(name: string, sizeBytes: number, use: (chunk: Uint8Array, offsetBytes: number) => void): Promise<void> {
    let start = this.#dataStart
    for (const buffer of this.header.buffers) {
      if (buffer.name === name && buffer.sizeBytes === sizeBytes) {
        for (let at = 0; at < sizeBytes; at += chunkBytes)
          use(await readExactly(this.#file, start + at, Math.min(chunkBytes, sizeBytes - at)), at)
        return
      }
      start += buffer.sizeBytes
    }
    throw new CheckpointError(
      `Checkpoint ${this.path} has no ${name} of ${sizeBytes} bytes: another version wrote it. Go on with that version, or start anew.`,
    )
  }

  async close(): Promise<void> {
    await this.#file.close()
  }
}

async function readExactly(file: FileHandle, position: number, sizeBytes: number): Promise<Buffer> {
  const bytes = Buffer.alloc(sizeBytes)
  let done = 0
  while (done < sizeBytes) {
    const { bytesRead } = await file.read(bytes, done, sizeBytes - done, position + done)
    if (bytesRead === 0)
      throw new CheckpointError(`A checkpoint ended ${sizeBytes - done} bytes early while being read.`)
    done += bytesRead
  }
  return bytes
}
