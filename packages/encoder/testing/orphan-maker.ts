/**
 * Run as a process: starts an encoder and prints its process id. With `stay` it waits to be killed; with `stuck` too, while
 * the encoder is busy with a batch of the snapshot that is named, for ever; else it has no more to do.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { startEncoder } from '../src/process/encoder-process.ts'
import { behaviourFile, hangsFile } from './plain-backend.ts'
import { randomRows } from './random-snapshot.ts'

const [, , then, snapshot] = process.argv
const encoder = await startEncoder({ backend: new URL('./plain-backend.ts', import.meta.url) })
if (then === 'stuck') {
  const loaded = await encoder.load(snapshot)
  writeFileSync(behaviourFile(snapshot), 'hang')
  loaded.encode(randomRows(1, 1)).catch(() => {})
  while (!existsSync(hangsFile(snapshot))) await wait(2)
}
process.stdout.write(`${encoder.status().pid}\n`)
if (then !== 'leave') setInterval(() => {}, 1_000)
