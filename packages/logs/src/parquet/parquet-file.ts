/** A Parquet file: row groups, then a footer that lists them. */
import { type FileHandle, open } from 'node:fs/promises'
import type { AsyncBuffer, FileMetaData, RowGroup } from 'hyparquet'
import { ByteWriter } from 'hyparquet-writer'
import { writeMetadata } from 'hyparquet-writer/src/metadata.js'
import { writeAll } from '../lines/line-blocks.ts'
import { type Columns, schemaOf } from './columns.ts'
import { describeRowGroup, maxHeaderBytes, type Page, type PagePlace, placeOf, placesOf } from './row-group.ts'

const magic = Buffer.from('PAR1')
/** After the magic stands the table's mark, by which a file without a footer tells what it holds. */
const markBytes = 4

/** What a file's row groups hold. */
export interface Table<C extends Columns = Columns> {
  /** Four characters that no page begins with; none in files of before there were others. */
  readonly mark: string | null
  readonly columns: C
}

/** Appends row groups to a file, and at last the footer. */
export class ParquetFile<T extends Table = Table> {
  readonly file: FileHandle
  readonly table: T
  readonly groups: RowGroup[] = []
  bytes = 0

  private constructor(file: FileHandle, table: T) {
    this.file = file
    this.table = table
  }

  /** @param file empty */
  static async begin<T extends Table>(file: FileHandle, table: T): Promise<ParquetFile<T>> {
    const begun = new ParquetFile(file, table)
    await begun.#write([magic, Buffer.from(table.mark ?? '')])
    return begun
  }

  /**
   * Goes on with a file that has no footer yet: its whole row groups stay, and what follows them is cut off.
   *
   * @param wholeBytes how far it is known to be on the disk
   * @param tables that it may be of; the first where it holds nothing
   */
  static async resume<T extends Table>(
    path: string,
    wholeBytes: number,
    tables: readonly [T, ...T[]],
  ): Promise<ParquetFile<T>> {
    const file = await open(path, 'r+')
    try {
      const end = Math.min(wholeBytes, (await file.stat()).size)
      if (end < magic.length + markBytes) {
        await file.truncate(0)
        return await ParquetFile.begin(file, tables[0])
      }
      const { buffer } = await file.read(Buffer.alloc(markBytes), 0, markBytes, magic.length)
      const named = tables.find(({ mark }) => mark === buffer.toString('latin1'))
      const table = named ?? tables.find(({ mark }) => mark === null) ?? tables[0]
      const resumed = new ParquetFile(file, table)
      resumed.bytes = magic.length + (table.mark?.length ?? 0)
      for (;;) {
        const places = await wholePlaces(file, table.columns, resumed.bytes, end)
        if (places === null) break
        resumed.groups.push(describeRowGroup(table.columns, places))
        resumed.bytes = places.at(-1)!.end
      }
      await file.truncate(resumed.bytes)
      return resumed
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
    const group = describeRowGroup(this.table.columns, placesOf(pages, this.bytes))
    await this.#write(pages.flat())
    this.groups.push(group)
  }

  /** Writes the footer. */
  async end(): Promise<void> {
    const footer = new ByteWriter()
    const about: Omit<FileMetaData, 'metadata_length'> = {
      version: 2,
      schema: schemaOf(this.table.columns),
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
async function wholePlaces(
  file: FileHandle,
  columns: Columns,
  start: number,
  end: number,
): Promise<PagePlace[] | null> {
  const places: PagePlace[] = []
  const header = Buffer.alloc(maxHeaderBytes)
  for (const _ of Object.keys(columns)) {
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

/** The bytes of a row group. */
export async function readRowGroup(file: AsyncBuffer, { columns, total_compressed_size }: RowGroup): Promise<Buffer> {
  const start = Number(columns[0].meta_data!.data_page_offset)
  return Buffer.from(await file.slice(start, start + Number(total_compressed_size)))
}
