/** A Parquet file of served rows: row groups, then a footer that lists them. */
import { type FileHandle, open } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  type RowGroup,
  type SchemaElement,
} from 'hyparquet'
import { ByteWriter } from 'hyparquet-writer'
import { writeMetadata } from 'hyparquet-writer/src/metadata.js'
import { LogFormatError } from '../directory/errors.ts'
import { writeAll } from '../lines/line-blocks.ts'
import { columnNames, servedSchema } from './columns.ts'
import {
  decodeRowGroup,
  describeRowGroup,
  maxHeaderBytes,
  type Page,
  type PagePlace,
  placeOf,
  placesOf,
} from './row-group.ts'
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
  static async resume(path: string, wholeBytes: number): Promise<ServedFile> {
    const file = await open(path, 'r+')
    try {
      const end = Math.min(wholeBytes, (await file.stat()).size)
      if (end < magic.length) {
        await file.truncate(0)
        return await ServedFile.begin(file)
      }
      const served = new ServedFile(file)
      served.bytes = magic.length
      for (;;) {
        const places = await wholePlaces(file, served.bytes, end)
        if (places === null) break
        served.groups.push(describeRowGroup(places))
        served.bytes = places.at(-1)!.end
      }
      await file.truncate(served.bytes)
      return served
    } catch (error) {
      await file.close()
      throw error
    }
  }

  get rows(): number {
    return this.groups.reduce((sum, { num_rows }) => sum + Number(num_rows), 0)
  }

  /** @param pages of a row group */
  async append(pages: readonly Page[]): Promise<void> {
    const group = describeRowGroup(placesOf(pages, this.bytes))
    await this.#write(pages.flat())
    this.groups.push(group)
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
async function wholePlaces(file: FileHandle, start: number, end: number): Promise<PagePlace[] | null> {
  const places: PagePlace[] = []
  const header = Buffer.alloc(maxHeaderBytes)
  for (const _ of columnNames) {
    const at = places.at(-1)?.end ?? start
    const { bytesRead } = await file.read(header, 0, header.length, at)
    try {
      places.push(placeOf(header.subarray(0, bytesRead), at))
    } catch {
      return null
    }
    if (places.at(-1)!.end > end) return null
  }
  return places
}

/** The row groups of a finished file. @throws LogFormatError */
export async function rowGroupsOf(path: string): Promise<readonly RowGroup[]> {
  const { schema, row_groups } = await parquetMetadataAsync(await asyncBufferFromFile(path)).catch((cause: unknown) => {
    throw new LogFormatError(`${path} is no whole Parquet file`, { cause })
  })
  if (!isDeepStrictEqual(namesOf(schema), namesOf(servedSchema)))
    throw new LogFormatError(`${path} is Parquet, but not of a served log`)
  return row_groups
}

function namesOf(schema: readonly SchemaElement[]): readonly string[] {
  return schema.map(({ name, type = 'group' }) => `${name} ${type}`)
}

/** The bytes of a row group. */
export async function readRowGroup(file: AsyncBuffer, { columns, total_compressed_size }: RowGroup): Promise<Buffer> {
  const start = Number(columns[0].meta_data!.data_page_offset)
  return Buffer.from(await file.slice(start, start + Number(total_compressed_size)))
}

/** The rows of a finished file, a row group at a time. @throws LogFormatError */
export async function* readServedFile(path: string): AsyncGenerator<ServedRows> {
  const groups = await rowGroupsOf(path)
  const file = await asyncBufferFromFile(path)
  for (const group of groups) yield decodeRowGroup(await readRowGroup(file, group))
}
