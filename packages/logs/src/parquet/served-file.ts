/** A Parquet file of served rows: row groups, then a footer that lists them. */
import { type FileHandle, open } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import { type FileMetaData, parquetMetadata, type RowGroup, type SchemaElement } from 'hyparquet'
import { ByteWriter } from 'hyparquet-writer'
import { writeMetadata } from 'hyparquet-writer/src/metadata.js'
import { LogFormatError } from '../directory/errors.ts'
import { writeAll } from '../lines/line-blocks.ts'
import { columnNames, servedSchema } from './columns.ts'
import { decodeRowGroup, describeRowGroup, endOf, maxHeaderBytes, placeOf, type RowGroupBytes } from './row-group.ts'
import type { ServedRows } from './served-rows.ts'

const magic = Buffer.from('PAR1')

/** Appends row groups to a file, and at last the footer. */
export class ServedFile {
  readonly file: FileHandle
  readonly groups: RowGroup[] = []
  bytes = 0

  private constructor(file: FileHandle) {
    this.file = file
  }

  /** @param file empty */
  static async begin(file: FileHandle): Promise<ServedFile> {
    const served = new ServedFile(file)
    await served.#write([magic])
    return served
  }

  /**
   * Goes on with a file that has no footer yet: its whole row groups stay, and what follows them is cut off.
   *
   * @param wholeBytes how far it is known to be on the disk
   */
  static async resume(file: FileHandle, wholeBytes: number): Promise<ServedFile> {
    const end = Math.min(wholeBytes, (await file.stat()).size)
    if (end < magic.length) {
      await file.truncate(0)
      return ServedFile.begin(file)
    }
    const served = new ServedFile(file)
    served.bytes = magic.length
    for (;;) {
      const places = await wholePlaces(file, served.bytes, end)
      if (places === null) break
      served.groups.push(describeRowGroup(places, served.bytes))
      served.bytes += endOf(places[places.length - 1])
    }
    await file.truncate(served.bytes)
    return served
  }

  get rows(): number {
    return this.groups.reduce((sum, { num_rows }) => sum + Number(num_rows), 0)
  }

  async append({ pieces, places }: RowGroupBytes): Promise<void> {
    const start = this.bytes
    await this.#write(pieces)
    this.groups.push(describeRowGroup(places, start))
  }

  /** Writes the footer. */
  async end(): Promise<void> {
    const footer = new ByteWriter()
    const about: Omit<FileMetaData, 'metadata_length'> = {
      version: 2,
      schema: [...servedSchema],
      num_rows: BigInt(this.rows),
      row_groups: this.groups,
      created_by: 'headwater',
    }
    writeMetadata(footer, about as FileMetaData)
    await this.#write([footer.getBytes(), magic])
  }

  async #write(pieces: readonly Uint8Array[]): Promise<void> {
    const start = this.bytes
    try {
      for (const piece of pieces) {
        await writeAll(this.file, piece, this.bytes)
        this.bytes += piece.length
      }
    } catch (error) {
      this.bytes = start
      throw error
    }
  }
}

/** The places of the row group at byte `start`, null where it does not end by `end`. */
async function wholePlaces(file: FileHandle, start: number, end: number) {
  const places = []
  let offset = 0
  const header = Buffer.alloc(maxHeaderBytes)
  for (const _ of columnNames) {
    const { bytesRead } = await file.read(header, 0, header.length, start + offset)
    try {
      const place = placeOf(header.subarray(0, bytesRead), offset)
      places.push(place)
      offset = endOf(place)
    } catch {
      return null
    }
    if (start + offset > end) return null
  }
  return places
}

/** The row groups of a finished file. @throws LogFormatError */
export async function rowGroupsOf(path: string): Promise<readonly RowGroup[]> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const tail = Buffer.alloc(8)
    await file.read(tail, 0, 8, Math.max(0, size - 8))
    const length = tail.readUInt32LE(0) + 8
    if (!tail.subarray(4).equals(magic) || length > size) throw new LogFormatError(`${path} is no whole Parquet file`)
    const footer = new Uint8Array(length)
    await file.read(footer, 0, length, size - length)
    const { schema, row_groups } = parquetMetadata(footer.buffer)
    if (!isDeepStrictEqual(namesOf(schema), namesOf(servedSchema)))
      throw new LogFormatError(`${path} is Parquet, but not of a served log`)
    return row_groups
  } finally {
    await file.close()
  }
}

function namesOf(schema: readonly SchemaElement[]): readonly string[] {
  return schema.map(({ name, type = 'group' }) => `${name} ${type}`)
}

/** The bytes of a row group. */
export async function readRowGroup(file: FileHandle, { columns, total_compressed_size }: RowGroup): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(Number(total_compressed_size))
  const start = Number(columns[0].meta_data!.data_page_offset)
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, start + done)
    if (bytesRead === 0) throw new LogFormatError('a row group reaches past its file')
    done += bytesRead
  }
  return bytes
}

/** The rows of a finished file, a row group at a time. @throws LogFormatError */
export async function* readServedFile(path: string): AsyncGenerator<ServedRows> {
  const groups = await rowGroupsOf(path)
  const file = await open(path, 'r')
  try {
    for (const group of groups) yield decodeRowGroup(await readRowGroup(file, group))
  } finally {
    await file.close()
  }
}
