/** Column names in the first line of a CSV file: RFC 4180 quoting, byte order mark dropped. */
export function parseCsvHeader(line: string): string[] {
  const cells = `,${line.replace(/^\uFEFF/, '').replace(/\r$/, '')}`.matchAll(/,(?:"((?:[^"]|"")*)"|([^,]*))/g)
  return Array.from(cells, ([, quoted, plain]) => plain ?? quoted.replaceAll('""', '"'))
}
