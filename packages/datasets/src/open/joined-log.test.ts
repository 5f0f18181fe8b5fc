/** Logs whose rows get columns of other files by a key. */
import { expect, test } from 'vitest'
import { openLog } from '../index.ts'
import { csvOf, type eventsOf, Folder, failure, jsonlOf, readAndClose, rows, schema } from '../testing/sample-log.ts'

/** `place` and `price` come from another file, which knows items by `key`. */
const { place: _place, price: _price, ...known } = rows[0]
const ownColumns = Object.keys(known) as (keyof typeof known)[]
const own = rows.map((row, i) => ({
  ...Object.fromEntries(ownColumns.map((name) => [name, row[name]])),
  what: `item-${i}`,
}))
const ownCsv = () => {
  const cell = (value: unknown) => (Array.isArray(value) ? value.join('|') : String(value ?? ''))
  return `${[Object.keys(own[0]), ...own.map((row) => Object.values(row))].map((row) => row.map(cell).join(',')).join('\n')}\n`
}
const [place, price] = [2, 3]
/** Of item 0, 1 and 3; item 2 is not known. Rows come in the order of time: 1, 3, 0, 2. */
const table = 'what,price,unused,place\nitem-3,3.5,x,c\nitem-0,0.5,x,a\nitem-1,,x,b\nitem-9,9,x,z\n'

function joined(content = table, name = 'items.csv') {
  const folder = new Folder()
  return { folder, log: folder.write('log.csv', ownCsv()), items: folder.write(name, content) }
}

const placesOf = (events: Awaited<ReturnType<typeof eventsOf>>) =>
  events.map(({ values }) => [values[place], values[price]])

test('have them in each row, null where the key is not known, which is told', async () => {
  const { folder, log, items } = joined()
  for (const join of [items, `${items}:what`, `${items}:what=what`]) {
    const opened = await openLog({ data: log, schema: folder.schema(), join: [join] })
    expect(opened.warnings).toEqual([
      `${items} has no row for 1 "what" of the log: in 1 of 4 rows "price", "place" are missing; the first is "item-2" in ${log}, row 3.`,
    ])
    expect(placesOf(await readAndClose(opened))).toEqual([
      ['b', null],
      ['c', 3.5],
      ['a', 0.5],
      [null, null],
    ])
  }
})

test('are the same from any format, by a key of another name, and through a second table', async () => {
  const { folder, log } = joined()
  const places = folder.write('places.jsonl', ['{"id":"item-0","place":"a"}', '{"id":"item-3","place":"c"}'].join('\n'))
  const prices = folder.write('prices.tsv', 'who\tprice\nann\t1.5\nbob\t2.5\nčen\t-1\n')
  const jsonl = folder.write('log.jsonl', jsonlOf(own as never))
  for (const data of [log, jsonl]) {
    const join = [`${places}:id=what`, prices]
    const opened = await openLog({ data, schema: folder.schema(), join })
    expect(placesOf(await readAndClose(opened))).toEqual([
      [null, 2.5],
      ['c', 2.5],
      ['a', 1.5],
      [null, -1],
    ])
  }
})

test('are refused where the table has a key twice, or none, with its row', async () => {
  const { folder, log, items } = joined(`${table}item-0,7,x,q\n`)
  const open = (join: string) => failure(openLog({ data: log, schema: folder.schema(), join: [join] }))
  expect((await open(items)).message).toBe(
    `${items}, row 5, field "what": "item-0" is there twice, first in row 2; keep one row of each key`,
  )
  const empty = folder.write('empty.csv', 'what,price,place\nitem-0,1,a\n,2,b\n')
  expect((await open(empty)).message).toContain(`${empty}, row 2, field "what": has no key`)
  expect((await open(`${folder.path}/none.csv`)).message).toContain('none.csv: no such file')
})

test('are refused where it is not clear which column is the key, or whose a column is', async () => {
  const { folder, log, items } = joined('who,what,price,place\nann,item-0,1,a\n')
  const open = (join: string, data = log) => failure(openLog({ data, schema: folder.schema(), join: [join] }))
  expect((await open(items)).message).toContain(
    `${items}: could be joined by "what", "who"; name the key, as in ${items}:KEY`,
  )
  expect((await open(`${items}:id`)).message).toContain('has no column "id"')
  const other = folder.write('other.csv', 'id,price,place\n1,2,3\n')
  expect((await open(other)).message).toContain('has no column of the log; it has "id", "price", "place"')
  const whole = folder.write('whole.csv', csvOf(rows))
  const prices = folder.write('prices.csv', 'what,price\nthing,2\n')
  expect((await open(prices, whole)).message).toContain(`${prices}: has a column "price", as ${whole} has`)
})

test('whose outcome is not known by the table are bad rows', async () => {
  const { folder, log } = joined()
  const json = {
    ...schema,
    fields: schema.fields.map((field) => (field.name === 'click' ? { ...field, column: 'bought' } : field)),
  }
  const bought = folder.write('bought.csv', 'what,bought,price,place\nitem-0,1,1,a\nitem-1,0,1,a\nitem-3,1,1,a\n')
  const options = { data: log, schema: folder.schema(json), join: [bought] }
  expect((await failure(openLog(options))).message).toContain(`${log}, row 3 (line 4), field "click": is missing`)
  const opened = await openLog({ ...options, maxBadRows: 1 })
  expect(opened).toMatchObject({ rows: 3, skippedRows: 1 })
  await opened.close()
})
