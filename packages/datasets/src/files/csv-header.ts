/** Column names in the first line of a CSV file: RFC 4180 quoting, byte order mark dropped. */
export function parseCsvHeader(line: string, delimiter = ','): string[] {
  const mark = delimiter.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
  const cell = new RegExp(`${mark}(?:"((?:[^"]|"")*)"|((?:(?!${mark}).)*))`, 'g')
  const cells = `${delimiter}${line.replace(/^\uFEFF/, '').replace(/\r$/, '')}`.matchAll(cell)
  return Array.from(cells, ([, quoted, plain]) => plain ?? quoted.replaceAll('""', '"'))
}
