/** Row groups of a served log: for each column one page, of version 2 and not compressed, in the order of the columns. */
import type { RowGroup } from 'hyparquet'
import { deserializeTCompactProtocol } from 'hyparquet/src/thrift.js'
import { ByteWriter } from 'hyparquet-writer'
import { writePageHeader } from 'hyparquet-writer/src/datapage.js'
import { LogFormatError } from '../directory/errors.ts'
import { columnNames, type PageBody, servedColumns } from './columns.ts'
import type { ServedRows } from './served-rows.ts'

/** Where a page lies in its row group. */
export interface PagePlace {
  /** Of its header, from the row group's beginning. */
  readonly offset: number
  readonly headerBytes: number
  readonly bodyBytes: number
  readonly entries: number
  readonly nulls: number
  readonly rows: number
  readonly repetitionBytes: number
  readonly definitionBytes: number
}

/** More than a page's header takes. */
export const maxHeaderBytes = 128

/** A row group's bytes, in pieces, and where its pages lie in them. */
export interface RowGroupBytes {
  readonly pieces: readonly Uint8Array[]
  readonly places: readonly PagePlace[]
}

/** A page's bytes: header, levels of both kinds, values. */
type Page = readonly Uint8Array[]

/** The page of one column. */
export function encodePage<N extends (typeof columnNames)[number]>(rows: ServedRows, name: N): Page {
  const column = servedColumns[name] as { encode(value: ServedRows[N], rows: number): PageBody }
  const { entries, nulls, repetition, definition, values } = column.encode(rows[name], rows.rows)
  const bodyBytes = repetition.length + definition.length + values.length
  const header = new ByteWriter()
  writePageHeader(header, {
    type: 'DATA_PAGE_V2',
    uncompressed_page_size: bodyBytes,
    compressed_page_size: bodyBytes,
    data_page_header_v2: {
      num_values: entries,
      num_nulls: nulls,
      num_rows: rows.rows,
      encoding: 'PLAIN',
      definition_levels_byte_length: definition.length,
      repetition_levels_byte_length: repetition.length,
      is_compressed: false,
    },
  })
  return [header.getBytes(), repetition, definition, values]
}

/** @param pages of all columns, in their order */
export function joinPages(pages: readonly Page[]): RowGroupBytes {
  let offset = 0
  const places = pages.map(([header]) => {
    const place = placeOf(header, offset)
    offset = endOf(place)
    return place
  })
  return { pieces: pages.flat(), places }
}

/** A row group that is copied as it is. @throws LogFormatError */
export function asRowGroup(bytes: Uint8Array): RowGroupBytes {
  return { pieces: [bytes], places: placesIn(bytes) }
}

/** Reads a page's header. @throws LogFormatError */
export function placeOf(header: Uint8Array, offset: number): PagePlace {
  const reader = { view: new DataView(header.buffer, header.byteOffset, header.byteLength), offset: 0 }
  let fields: Record<string, unknown>
  try {
    fields = deserializeTCompactProtocol(reader)
  } catch (cause) {
    throw new LogFormatError('a page has no header', { cause })
  }
  const page = fields.field_8 as Record<string, number> | undefined
  const bodyBytes = fields.field_3
  if (page === undefined || typeof bodyBytes !== 'number' || (page.field_7 as unknown) !== false)
    throw new LogFormatError('a page is not as a served log writes it')
  const { field_1: entries, field_2: nulls, field_3: rows, field_5: definitionBytes, field_6: repetitionBytes } = page
  return { offset, headerBytes: reader.offset, bodyBytes, entries, nulls, rows, definitionBytes, repetitionBytes }
}

function placesIn(group: Uint8Array): PagePlace[] {
  const places: PagePlace[] = []
  let offset = 0
  for (const _ of columnNames) {
    const place = placeOf(group.subarray(offset, offset + maxHeaderBytes), offset)
    places.push(place)
    offset = endOf(place)
  }
  if (offset !== group.length) throw new LogFormatError('a row group is not as long as its pages')
  return places
}

export function endOf({ offset, headerBytes, bodyBytes }: PagePlace): number {
  return offset + headerBytes + bodyBytes
}

/** @throws LogFormatError */
export function decodeRowGroup(group: Uint8Array): ServedRows {
  const places = placesIn(group)
  const columns = columnNames.map((name, i) => {
    const { offset, headerBytes, entries, nulls, rows, repetitionBytes, definitionBytes } = places[i]
    const body = group.subarray(offset + headerBytes, endOf(places[i]))
    const levels = repetitionBytes + definitionBytes
    const column = servedColumns[name] as { decode(body: PageBody, rows: number): unknown }
    const value = column.decode(
      {
        entries,
        nulls,
        repetition: body.subarray(0, repetitionBytes),
        definition: body.subarray(repetitionBytes, levels),
        values: body.subarray(levels),
      },
      rows,
    )
    return [name, value]
  })
  return { rows: places[0].rows, ...Object.fromEntries(columns) }
}

/** What a file's footer says of a row group that begins at byte `start`. */
export function describeRowGroup(places: readonly PagePlace[], start: number): RowGroup {
  const bytes = BigInt(endOf(places[places.length - 1]))
  return {
    columns: columnNames.map((name, i) => {
      const { elements } = servedColumns[name]
      const { offset, headerBytes, bodyBytes, entries } = places[i]
      const size = BigInt(headerBytes + bodyBytes)
      return {
        file_offset: BigInt(start + offset),
        meta_data: {
          type: elements[elements.length - 1].type!,
          encodings: ['PLAIN', 'RLE'],
          path_in_schema: elements.map((element) => element.name),
          codec: 'UNCOMPRESSED',
          num_values: BigInt(entries),
          total_uncompressed_size: size,
          total_compressed_size: size,
          data_page_offset: BigInt(start + offset),
        },
      }
    }),
    total_byte_size: bytes,
    total_compressed_size: bytes,
    num_rows: BigInt(places[0].rows),
  }
}
