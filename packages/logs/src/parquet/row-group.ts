/** Row groups: for each column one page, of version 2 and not compressed, in the order of the columns. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { RowGroup } from 'hyparquet'
import { parquetHeader } from 'hyparquet/src/column.js'
import { ByteWriter } from 'hyparquet-writer'
import { writePageHeader } from 'hyparquet-writer/src/datapage.js'
import { LogFormatError } from '../directory/errors.ts'
import type { Column, Columns, RowsOf } from './columns.ts'

/** A page's bytes: its header, then levels of both kinds and values. */
export type Page = readonly Uint8Array[]

/** Where a page lies, in its row group or in its file, and what its header says. */
export type PagePlace = ReturnType<typeof placeOf>

/** More than a page's header takes. */
export const maxHeaderBytes = 128

function encodePage<Value>(column: Column<Value>, value: Value, rows: number): Page {
  const { entries, nulls, repetition, definition, values } = column.encode(value, rows)
  const bodyBytes = repetition.length + definition.length + values.length
  const header = new ByteWriter()
  writePageHeader(header, {
    type: 'DATA_PAGE_V2',
    uncompressed_page_size: bodyBytes,
    compressed_page_size: bodyBytes,
    data_page_header_v2: {
      num_values: entries,
      num_nulls: nulls,
      num_rows: rows,
      encoding: 'PLAIN',
      definition_levels_byte_length: definition.length,
      repetition_levels_byte_length: repetition.length,
      is_compressed: false,
    },
  })
  return [header.getBytes(), repetition, definition, values]
}

/** The pages of all columns, one a turn of the event loop, so that reads go on between. Their bytes are the rows' own, in part. */
export async function encodeRowGroup<C extends Columns>(columns: C, rows: RowsOf<C>): Promise<readonly Page[]> {
  const pages: Page[] = []
  for (const [name, column] of Object.entries(columns)) {
    pages.push(encodePage(column, rows[name], rows.rows))
    await nextTurn()
  }
  return pages
}

/** Reads a page's header. @param start where it lies @throws LogFormatError */
export function placeOf(bytes: Uint8Array, start: number) {
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 }
  try {
    const { compressed_page_size, data_page_header_v2: header } = parquetHeader(reader)
    const bodyStart = start + reader.offset
    if (header?.is_compressed === false) return { start, bodyStart, end: bodyStart + compressed_page_size, header }
  } catch (cause) {
    throw new LogFormatError('a page has no header', { cause })
  }
  throw new LogFormatError('a page is not as this version writes it')
}

/** Pages that follow one another. @param start of the first */
export function placesOf(pages: readonly Page[], start: number): PagePlace[] {
  let end = start
  return pages.map(([header]) => {
    const place = placeOf(header, end)
    end = place.end
    return place
  })
}

/** The pages of a row group. @throws LogFormatError */
export function pagesIn(columns: Columns, group: Uint8Array): Page[] {
  let start = 0
  const pages = Object.keys(columns).map(() => {
    const { end } = placeOf(group.subarray(start, start + maxHeaderBytes), start)
    const page = [group.subarray(start, end)]
    start = end
    return page
  })
  if (start !== group.length) throw new LogFormatError('a row group is not as long as its pages')
  return pages
}

/** @throws LogFormatError */
export function decodeRowGroup<C extends Columns>(columns: C, group: Uint8Array): RowsOf<C> {
  const places = placesOf(pagesIn(columns, group), 0)
  const rows = places[0].header.num_rows
  const decoded = Object.entries(columns).map(([name, column], i) => {
    const { bodyStart, end, header } = places[i]
    const { num_values: entries, num_nulls: nulls, repetition_levels_byte_length: repetitionBytes } = header
    const body = group.subarray(bodyStart, end)
    const levels = repetitionBytes + header.definition_levels_byte_length
    const repetition = body.subarray(0, repetitionBytes)
    const definition = body.subarray(repetitionBytes, levels)
    return [name, column.decode({ entries, nulls, repetition, definition, values: body.subarray(levels) }, rows)]
  })
  return { rows, ...Object.fromEntries(decoded) } as RowsOf<C>
}

/** What a file's footer says of a row group. @param places of its pages in the file */
export function describeRowGroup(columns: Columns, places: readonly PagePlace[]): RowGroup {
  const bytes = BigInt(places.at(-1)!.end - places[0].start)
  return {
    columns: Object.values(columns).map(({ elements }, i) => {
      const { start, end, header } = places[i]
      const size = BigInt(end - start)
      return {
        file_offset: BigInt(start),
        meta_data: {
          type: elements.at(-1)!.type!,
          encodings: ['PLAIN', 'RLE'],
          path_in_schema: elements.map((element) => element.name),
          codec: 'UNCOMPRESSED',
          num_values: BigInt(header.num_values),
          total_uncompressed_size: size,
          total_compressed_size: size,
          data_page_offset: BigInt(start),
        },
      }
    }),
    total_byte_size: bytes,
    total_compressed_size: bytes,
    num_rows: BigInt(places[0].header.num_rows),
  }
}
