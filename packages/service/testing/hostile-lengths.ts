/**
 * Run as a process, which has taken little so far: lengths of 2²⁶ to 2³² − 1 that are lies go into the parsers and, over
 * connections, into a service. Prints what the hungriest of them took, as JSON.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { messages } from '@headwater/client/schemas'
import { packMessage, unpackMessage, WireError } from '@headwater/client/wire'
import { createPooling } from '@headwater/pooling'
import { encoderOf, model, space } from '@headwater/pooling/testing/towers'
import { seededRandom } from '@headwater/statistics'
import { openStore } from '@headwater/store'
import { createServer } from '../src/index.ts'
import { columnLimits, parseEventsMessage, parseFeaturesMessage } from '../src/messages/event-messages.ts'
import { checkOf } from '../src/messages/message-check.ts'
import { parseOutcomesMessage } from '../src/messages/outcome-message.ts'
import { parseReadMessage } from '../src/messages/read-message.ts'
import { defaultLimits } from '../src/requests/limits.ts'
import { type FuzzedRoute, fuzzedRoutes } from './fuzzed-bodies.ts'
import { RawConnection } from './raw-connection.ts'

export interface HostileLengthsReport {
  /** Into the parsers, and how many of them were refused. */
  readonly messages: number
  readonly refused: number
  /** To the service, and the statuses of its answers. */
  readonly requests: number
  readonly statuses: readonly number[]
  /** Most that one of them had the process take. */
  readonly mostBytes: number
  readonly hungriest: string
  /** What the same measure says of 2²⁶ bytes that are allocated and never touched. */
  readonly seenBytes: number
}

const lengths = [2 ** 26, 2 ** 30, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]
/** Of a binary, an extension, a text, a list and a map whose length has 32 bits. */
const tags = [0xc6, 0xc9, 0xdb, 0xdd, 0xdf]

/** Nothing is collected between two looks that are near each other. Memory counts from its allocation on, touched or not. */
function looked(): { readonly allocated: number; readonly resident: number } {
  const { heapUsed, external, rss } = process.memoryUsage()
  return { allocated: heapUsed + external, resident: rss }
}

let mostBytes = 0
let hungriest = ''

/** @returns what it takes until it ends */
async function measure(work: () => unknown): Promise<number> {
  const before = looked()
  const done = work()
  if (done instanceof Promise) await done
  const after = looked()
  return Math.max(after.allocated - before.allocated, after.resident - before.resident)
}

async function feed(name: string, work: () => unknown): Promise<void> {
  const bytes = await measure(work)
  if (bytes <= mostBytes) return
  mostBytes = bytes
  hungriest = name
}

const parsers: Readonly<Record<FuzzedRoute['name'], (value: unknown) => unknown>> = {
  read: (value) => parseReadMessage(value, defaultLimits),
  events: (value) => parseEventsMessage(value, space.schema.fields, defaultLimits, Number.POSITIVE_INFINITY),
  features: (value) => parseFeaturesMessage(value, [], 0, Number.POSITIVE_INFINITY),
  outcomes: (value) => parseOutcomesMessage(value, defaultLimits, Number.POSITIVE_INFINITY),
  promote: checkOf(messages.PromoteRequest),
  rollback: (value) => value,
}

/** A good message with a length that is a lie at a random place. */
function hostileMessage(seed: number, { make }: FuzzedRoute): Buffer {
  const random = seededRandom(seed)
  const good = packMessage(make(random))
  const lie = Buffer.alloc(5, tags[random.nextBelow(tags.length)])
  lie.writeUInt32BE(lengths[random.nextBelow(lengths.length)], 1)
  const at = random.nextBelow(good.length)
  return Buffer.concat([good.subarray(0, at), lie, good.subarray(at)])
}

const count = 2_000
let refused = 0
for (let seed = 0; seed < count; seed++) {
  const route = fuzzedRoutes[seed % fuzzedRoutes.length]
  const bytes = hostileMessage(seed, route)
  await feed(`the message of seed ${seed} into ${route.name}`, () => {
    try {
      parsers[route.name](unpackMessage(bytes, columnLimits(defaultLimits)))
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      refused++
    }
  })
}

const store = await openStore('memory:')
const pooling = createPooling({ store, space, models: [model], clock: Date })
await pooling.publish('m', encoderOf(3))
const server = createServer({
  tenants: new Map([['default', { store, pooling }]]),
  space,
  models: [model],
  auth: 'loopback',
})
const port = Number(new URL(await server.listen({ host: '127.0.0.1', port: 0 })).port)

const statuses = new Set<number>()
/** Asks with more bytes than the head, and waits for the answer or, where none is due, until the head has been read. */
async function ask(
  { method, path }: FuzzedRoute,
  header: string,
  rest: Uint8Array,
  isAnswered: boolean,
): Promise<void> {
  const connection = new RawConnection(port)
  const head = `${method} ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/msgpack\r\n${header}\r\n\r\n`
  await connection.send([Buffer.concat([Buffer.from(head), rest])])
  if (isAnswered) statuses.add((await connection.next())?.status ?? 0)
  else while (connection.leftBytes === 0) await turn()
  connection.breakOff()
}

let requests = 0
for (const route of fuzzedRoutes) {
  for (const [l, length] of lengths.entries()) {
    const message = hostileMessage(l, route)
    const name = (kind: string) => `${kind} of ${length} to ${route.name}`
    await feed(name('a content length'), () => ask(route, `content-length: ${length}`, message, true))
    // The word to go on shows that the chunk's length, in the same packet, has been read.
    const chunked = 'expect: 100-continue\r\ntransfer-encoding: chunked'
    const chunk = Buffer.concat([Buffer.from(`${length.toString(16)}\r\n`), message])
    await feed(name('a chunk'), () => ask(route, chunked, chunk, false))
    await feed(name('a message'), () => ask(route, `content-length: ${message.length}`, message, true))
    requests += 3
  }
}

const kept: Uint8Array[] = []
const seenBytes = await measure(() => kept.push(new Uint8Array(2 ** 26)))
const report: HostileLengthsReport = {
  messages: count,
  refused,
  requests,
  statuses: [...statuses].sort(),
  mostBytes,
  hungriest,
  seenBytes,
}
process.stdout.write(JSON.stringify(report))
await server.close()
await pooling.close()
await store.close()
