/**
 * The service over HTTP on one processor core, the load on another. One user a call against a bare node:http that reads the
 * body and answers the same bytes, rounds alternating in one run, and several processes of each kind in turn; 100 users a call
 * from memory and from LMDB, at most and at 70 % of it with arrivals that do not wait.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '@headwater/statistics'
import { pack } from 'msgpackr'
import { type LoadFigures, type LoadProcess, startLoad } from './load.ts'
import { forkPinned, oneCoreOptions, type PinnedProcess, pinning } from './pinned-process.ts'
import { keyOf, model, type ServiceSettings, type Started, token, type Used } from './pooling-http-server.ts'
import { type Spread, spread } from './report.ts'
import { counted, isNearShare } from './steady-load.ts'

export interface SingleFigures {
  readonly users: number
  readonly pinning: string
  readonly answerBytes: number
  /** Requests a second. */
  readonly echo: Spread
  readonly plain: Spread
  /** With tokens, limits, metrics and the served log. */
  readonly guarded: Spread
  /** To the echo, round by round. */
  readonly plainRatio: Spread
  readonly plainRatioAtLeast: number
  readonly guardedRatio: Spread
  readonly guardedRatioAtLeast: number
  /** The same of requests a second of the server's processor time, which others on its processor do not change. */
  readonly plainProcessorRatio: Spread
  readonly guardedProcessorRatio: Spread
}

export interface BatchFigures {
  readonly store: string
  readonly users: number
  readonly pinning: string
  readonly usersACall: number
  /** Closed loop. */
  readonly usersPerSecond: Spread
  readonly usersPerSecondAtLeast: number
  readonly at70: OpenLoopFigures
  readonly p99MsAtMost: number
}

/**
 * Of rounds of an open loop, each at 70 % of what the closed loop before it got, of which those count that the closed loop
 * behind them shows to have been at 63 to 77: where the machine's speed halves, 70 % becomes 140. Where there are fewer than three
 * such, all count.
 */
export interface OpenLoopFigures {
  /** That count, and that were run. */
  readonly steadyRounds: number
  readonly rounds: number
  readonly offeredPerSecond: Spread
  readonly answered: number
  readonly p50Ms: Spread
  readonly p99Ms: Spread
  readonly p999Ms: Spread
  /** Of the load itself; part of the above. */
  readonly lateP99Ms: Spread
}

const connections = 16
const roundSeconds = 1
const singleSeconds = 2
const settlingSeconds = 2
const openSeconds = 3
const rounds = 12
/** Of each kind: some are half as fast as others for as long as they live. */
const processes = 3
/** Of an open loop, where the machine's speed changes in others, as a multiple. */
const mostRounds = 3
const share = 0.7

/**
 * @param users 100,000 for the figures
 * @param format of requests and answers: MessagePack with vectors in fp16, or JSON with vectors in f32, which is its default
 */
export async function benchSingleReads(users: number, format: 'msgpack' | 'json'): Promise<SingleFigures> {
  const requests = requestsOf(users, 1, format)
  const load = startLoad()
  const servers = { echo: [] as BenchServer[], plain: [] as BenchServer[], guarded: [] as BenchServer[] }
  try {
    const service = { kind: 'service', store: 'memory:', users } as const
    for (let i = 0; i < processes; i++) {
      servers.plain.push(await startServer({ ...service, isGuarded: false }))
      servers.guarded.push(await startServer({ ...service, isGuarded: true }))
    }
    const bytes = await answerOf(servers.plain[0].port, requests[0], format)
    for (let i = 0; i < processes; i++) servers.echo.push(await startServer({ kind: 'echo', answerBytes: bytes }))
    const rates = { echo: [] as number[], plain: [] as number[], guarded: [] as number[] }
    const processorRates = { echo: [] as number[], plain: [] as number[], guarded: [] as number[] }
    for (let round = -2 * processes; round < rounds; round++) {
      const order = ['echo', 'plain', 'guarded'] as const
      for (const name of round % 2 === 0 ? order : [...order].reverse()) {
        const server = servers[name][(round + 2 * processes) % processes]
        const { port } = server
        // A server that has rested finds nothing of its own in the processor's caches: what is asked is how it runs.
        await ran(load, { port, requests, connections, seconds: settlingSeconds })
        await server.cpuUs()
        const { perSecond, answered } = await ran(load, { port, requests, connections, seconds: singleSeconds })
        const cpuUs = await server.cpuUs()
        // The first rounds warm up.
        if (round < 0) continue
        rates[name].push(perSecond)
        processorRates[name].push((1e6 * answered) / cpuUs)
      }
    }
    const toEcho = (of: readonly number[], echoed = rates.echo) => spread(of.map((rate, r) => rate / echoed[r]))
    return {
      users,
      pinning,
      answerBytes: bytes.length,
      echo: spread(rates.echo),
      plain: spread(rates.plain),
      guarded: spread(rates.guarded),
      plainRatio: toEcho(rates.plain),
      plainRatioAtLeast: format === 'json' ? 0.55 : 0.7,
      guardedRatio: toEcho(rates.guarded),
      guardedRatioAtLeast: format === 'json' ? 0.45 : 0.55,
      plainProcessorRatio: toEcho(processorRates.plain, processorRates.echo),
      guardedProcessorRatio: toEcho(processorRates.guarded, processorRates.echo),
    }
  } finally {
    await Promise.all([load, ...Object.values(servers).flat()].map((each) => each.close()))
  }
}

/** @param users 100,000 for the figures */
export async function benchBatchReads(store: 'memory' | 'lmdb', users: number): Promise<BatchFigures> {
  const usersACall = 100
  const directory = mkdtempSync(join(tmpdir(), 'headwater-bench-'))
  const url = store === 'memory' ? 'memory:' : `lmdb:${join(directory, 'store')}`
  const requests = requestsOf(users, usersACall, 'msgpack')
  const load = startLoad()
  const service = await startServer({ kind: 'service', store: url, users, isGuarded: false })
  const { port } = service
  try {
    const rates: number[] = []
    const all: (LoadFigures & { readonly offered: number; readonly isSteady: boolean })[] = []
    const closed = async () => (await ran(load, { port, requests, connections, seconds: roundSeconds })).perSecond
    let perSecond = await closed()
    for (let round = -2; round < mostRounds * rounds && all.filter(isSteady).length < rounds; round++) {
      const offered = share * perSecond
      const arrivals = { perSecond: offered, kind: 'poisson', seed: round + 3 } as const
      const figures = await ran(load, { port, requests, connections: 64, seconds: openSeconds, arrivals })
      perSecond = await closed()
      if (round < 0) continue
      rates.push(usersACall * perSecond)
      all.push({ ...figures, offered, isSteady: isNearShare(offered, share, perSecond) })
    }
    const steady = all.filter(isSteady)
    const open = counted(all)
    const usersPerSecond = spread(rates)
    const spreadOf = (figure: 'offered' | 'p50Ms' | 'p99Ms' | 'p999Ms' | 'lateP99Ms') =>
      spread(open.map((figures) => figures[figure]))
    return {
      store,
      users,
      pinning,
      usersACall,
      usersPerSecond,
      usersPerSecondAtLeast: store === 'memory' ? 250_000 : 120_000,
      at70: {
        steadyRounds: steady.length,
        rounds: all.length,
        offeredPerSecond: spreadOf('offered'),
        answered: open.reduce((sum, { answered }) => sum + answered, 0),
        p50Ms: spreadOf('p50Ms'),
        p99Ms: spreadOf('p99Ms'),
        p999Ms: spreadOf('p999Ms'),
        lateP99Ms: spreadOf('lateP99Ms'),
      },
      p99MsAtMost: 15,
    }
  } finally {
    await Promise.all([load.close(), service.close()])
    rmSync(directory, { recursive: true, force: true })
  }
}

const isSteady = (round: { readonly isSteady: boolean }) => round.isSteady

/** @throws Error where an answer was no 200: its time would count as the service's */
async function ran(load: LoadProcess, plan: Parameters<LoadProcess['run']>[0]): Promise<LoadFigures> {
  const figures = await load.run(plan)
  if (figures.failed > 0) throw new Error(`${figures.failed} of ${figures.answered + figures.failed} requests failed`)
  return figures
}

interface BenchServer {
  readonly port: number
  /** Microseconds of processor time since the last question. */
  cpuUs(): Promise<number>
  close(): Promise<void>
}

async function startServer(
  settings: ServiceSettings | { readonly kind: 'echo'; readonly answerBytes: Uint8Array },
): Promise<BenchServer> {
  const isEcho = settings.kind === 'echo'
  const own = isEcho ? { kind: 'echo' } : settings
  const child: PinnedProcess = forkPinned('pooling-http-server.ts', 0, own, oneCoreOptions)
  const { port } = await child.ask<Started & Used>(isEcho ? { answer: settings.answerBytes } : {})
  return { port, cpuUs: async () => (await child.ask<Used>({})).cpuUs, close: () => child.close() }
}

/** Whole HTTP requests, of users drawn at random. */
function requestsOf(users: number, usersACall: number, format: 'msgpack' | 'json'): readonly Uint8Array[] {
  const random = seededRandom(7)
  return Array.from({ length: 2_000 }, () => {
    const asked = { users: Array.from({ length: usersACall }, () => keyOf(random.nextBelow(users))), models: [model] }
    const body = format === 'json' ? Buffer.from(JSON.stringify(asked)) : pack({ ...asked, encoding: 'f16' })
    const head = `POST /v1/embeddings/read HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${token}\r\n`
    const type = `content-type: application/${format}\r\ncontent-length: ${body.length}\r\n\r\n`
    return Buffer.concat([Buffer.from(head + type), body])
  })
}

/** The body that a server answers to a request. */
async function answerOf(port: number, request: Uint8Array, format: string): Promise<Uint8Array> {
  const body = request.subarray(Buffer.from(request).indexOf('\r\n\r\n') + 4)
  const headers = { 'content-type': `application/${format}` }
  const response = await fetch(`http://127.0.0.1:${port}/v1/embeddings/read`, {
    method: 'POST',
    headers,
    body: Buffer.from(body),
  })
  return new Uint8Array(await response.arrayBuffer())
}
