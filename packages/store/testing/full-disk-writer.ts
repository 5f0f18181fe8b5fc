/**
 * Fills a small disk: `node full-disk-writer.ts DIRECTORY [ballast]`. Writes to a store there until that fails, says how
 * many users were flushed and what errors came. With a ballast it then waits for a line, makes room by removing it, goes
 * on, and says how many users are flushed then and how many records a check finds.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { createReadBuffer, openStore } from '../src/index.ts'
import { appendValue } from './append-value.ts'

const [directory, ballast] = process.argv.slice(2)
if (ballast) writeFileSync(`${directory}/${ballast}`, new Uint8Array(2 ** 21))
let store = await openStore(`lmdb:${directory}/store`)
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const batch = 500
let written = 0
let flushed = 0
const errors: Error[] = []

async function grow(): Promise<void> {
  const users = Array.from({ length: batch }, (_, i) => `u${written + i}`)
  written += batch
  await appendValue(store, users, 7)
  await store.flushed()
  flushed = written
}

while (errors.length === 0) await grow().catch((error) => errors.push(error))
await store.flushed().catch((error) => errors.push(error))
// What is not on the disk is readable still.
const buffer = createReadBuffer(written, [{ model: 'm', dim: 8 }])
const users = Array.from({ length: written }, (_, u) => `u${u}`)
await store.read({ users, models: [{ model: 'm' }] }, buffer)
const found = buffer.models[0].status.filter((status) => status === 1).length
console.log(JSON.stringify({ written, flushed, found, errors: errors.map(({ name, message }) => ({ name, message })) }))
if (!ballast) process.exit()
await lines.next()
rmSync(`${directory}/${ballast}`)
await store.flushed()
await grow()
await store.close()
store = await openStore(`lmdb:${directory}/store`)
const { records, faults } = await store.check()
console.log(JSON.stringify({ flushed, records, faults: faults.length }))
await store.close()
process.exit()
