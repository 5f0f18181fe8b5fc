// A program that asks a running service for a reader's embedding, tells it that the reader opened an article, and waits for the
// embedding that knows it.
//
// node follow-reader.mjs [URL] [READER]
import { setTimeout as wait } from 'node:timers/promises'
import { ClientError, createClient } from '@headwater/client'

const [url = 'http://127.0.0.1:8080', reader = 'reader-0'] = process.argv.slice(2)
const token = process.env.HEADWATER_TOKEN
const client = createClient({ url, ...(token && { token }), deadlineMs: 2_000 })
const statuses = ['fresh', 'stale', 'default']
const patienceMs = 30_000

try {
  const [{ model, dim, snapshot }] = await client.models()
  console.log(`${url} serves snapshot ${snapshot} of "${model}", ${dim} numbers a reader`)
  tell('before', await read(model))

  const timeMs = Date.now()
  const fields = { topics: [['science']], device: ['phone'], opened: [1], seconds: [78] }
  await client.ingest({ users: [reader], items: ['article-7'], timesMs: [timeMs], fields })
  // Reads answer at once, at first with the embedding of before: the refresh is computed beside them.
  let served = await read(model)
  while (served.featureTimeMs[0] < timeMs || served.status[0] === 2) {
    if (Date.now() > timeMs + patienceMs) throw new Error('no embedding knows the event yet: does the service refresh?')
    await wait(5)
    served = await read(model)
  }
  tell('after', served)
} catch (error) {
  // What the service or the way to it said; anything else is a fault of this program.
  if (!(error instanceof ClientError)) throw error
  console.error(`${error.name}: ${error.message}`)
  process.exitCode = 1
}

/** @param {string} model */
async function read(model) {
  return (await client.read([reader], [model])).models[0]
}

/** @param {string} when @param {import('@headwater/client').AnsweredModel} served */
function tell(when, served) {
  const start = Array.from(served.vectors.subarray(0, 4), (x) => x.toFixed(3)).join(', ')
  console.log(`${when.padEnd(6)} ${statuses[served.status[0]].padEnd(7)} [${start}, …]`)
}
