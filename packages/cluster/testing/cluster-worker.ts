/** A worker as a process of its own: URL, claim time in ms, and how long it takes for a batch. It tells of each batch that it begins. */
import { setTimeout as wait } from 'node:timers/promises'
import { encoderOf } from '@headwater/pooling/testing/towers'
import { openPart } from './cluster-parts.ts'

const [url, claimMs, encodeMs] = process.argv.slice(2)
const tower = encoderOf(3)
await openPart(
  url,
  {
    ...tower,
    encode: async (batch, users) => {
      if (users[0] !== '') {
        process.stdout.write(`${users.length}\n`)
        await wait(Number(encodeMs))
      }
      return tower.encode(batch, users)
    },
  },
  { claimMs: Number(claimMs) },
)
process.stdout.write('ready\n')
