/**
 * A process to be killed: `node crash-writer.ts PATH SEED`. It waits for a line: `write N` has it do the operations from N
 * on and print each number up to which all are on the disk; `compact` has it compact the store again and again.
 */
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { compactLmdb } from '../src/drivers/lmdb/compact.ts'
import { openStore } from '../src/index.ts'
import { performOperation } from './perform-operation.ts'

const [path, seed] = [process.argv[2], Number(process.argv[3])]

/** Written at once: what is printed was acknowledged, whatever happens next. */
const say = (text: string) => writeSync(1, `${text}\n`)

say('ready')
const [command, from] = await new Promise<string[]>((resolve) => {
  createInterface({ input: process.stdin }).once('line', (line) => resolve(line.split(' ')))
})
if (command === 'compact') {
  for (;;) {
    await compactLmdb(path)
    say('compacted')
  }
}
const store = await openStore(`lmdb:${path}`)
for (let n = Number(from); ; n++) {
  if (!(await performOperation(store, seed, n))) continue
  await store.flushed()
  say(String(n))
}
