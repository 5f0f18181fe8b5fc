/** Run as a process with little disk: writes a checkpoint of a mebibyte into the directory given, without a GPU. */
import { join } from 'node:path'
import { writeCheckpoint } from '../checkpoint/checkpoint-file.ts'
import { someState } from './some-checkpoint.ts'

const [directory] = process.argv.slice(2)
const sizeBytes = 2 ** 20
async function* chunks() {
  for (let at = 0; at < sizeBytes; at += 4096) yield new Uint8Array(4096)
}
const header = { settings: {}, state: someState(0), buffers: [{ name: 'buffer 0', sizeBytes }] }
await writeCheckpoint(join(directory, 'checkpoint-000002.bin'), join(directory, '.partial'), header, chunks())
