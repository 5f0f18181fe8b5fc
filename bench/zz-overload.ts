/**
 * Reads of 100 users and three models at three times what the service can answer, over hundreds of connections: what is answered in
 * time, and how late. What it can do and what it does at 70 % of that are measured between, as a machine's speed changes.
 */
import { seededRandom } from '@headwater/statistics'
import { pack } from 'msgpackr'
import { type LoadFigures, startLoad } from './load.ts'
import { forkPinned, oneCoreOptions, pinning } from './pinned-process.ts'
import { keyOf, modelNames, type ServiceSettings, type Started, token, type Used } from './pooling-http-server.ts'
import { type Spread, spread } from './report.ts'

export interface ReadOverloadFigures {
  readonly pinning: string
  readonly users: number
  readonly usersACall: number
  readonly models: number
  readonly deadlineMs: number
  readonly overload: number
  readonly byConnections: readonly ConnectionsFigures[]
  /** p99 of answers in time, overloaded ÷ at 70 %. */
  readonly p99RatioAtMost: number
  /** Answers in time, ÷ most answers a second. */
  readonly goodputAtLeast: number
  /** After the last minute ÷ after the first. */
  readonly memoryRatioAtMost: number
}

export interface ConnectionsFigures {
  readonly connections: number
  /** Answers a second of a closed loop in which nothing is shed. */
  readonly capacity: Spread
  readonly at70P99Ms: Spread
  readonly at70Failed: number
  readonly p50Ms: Spread
  readonly p99Ms: Spread
  readonly p99Ratio: Spread
  readonly goodput: Spread
  /** Of all rounds, by what failed. */
  readonly failures: { readonly [failure: string]: number }
  /** Behind a minute of overload, and at the end. */
  readonly firstMinuteBytes: number
  readonly lastMinuteBytes: number
  readonly memoryRatio: number
  /** Of the load: processors that it was busy with, and how late it was itself. It spins, on a core of its own. */
  readonly loadCpu: Spread
  readonly loadLateP99Ms: Spread
}

const users = 20_000
const usersACall = 100
const models = 3
const deadlineMs = 1_000
const overload = 3
const rounds = 1
const seconds = { closed: 1, at70: 4, overloaded: 6 }
/** In a closed loop so few wait at once that none waits for as long as is shed. */
const closedConnections = [4, 8]
const calmConnections = 64

export async function benchOverloadReads(progress: (line: string) => void): Promise<ReadOverloadFigures> {
  const settings: ServiceSettings = { kind: 'service', store: 'memory:', users, models, isGuarded: false }
  const service = forkPinned('pooling-http-server.ts', 0, settings, oneCoreOptions)
  const load = startLoad()
  try {
    const { port } = await service.ask<Started>({})
    const requests = requestsOf()
    const run = (connections: number, runSeconds: number, perSecond?: number, seed = 1): Promise<LoadFigures> => {
      const arrivals =
        perSecond === undefined ? {} : { arrivals: { perSecond, kind: 'poisson', seed, inTurn: true } as const }
      return load.run({ port, requests, connections, seconds: runSeconds, deadlineMs, ...arrivals })
    }
    const capacityNow = async () => {
      const rates: number[] = []
      for (const connections of closedConnections) {
        const { failed, perSecond } = await run(connections, seconds.closed)
        if (failed === 0) rates.push(perSecond)
      }
      if (rates.length === 0) throw new Error('requests failed in every closed loop')
      return Math.max(...rates)
    }
    // Warms up.
    for (let i = 0; i < 3; i++) await capacityNow()
    const byConnections: ConnectionsFigures[] = []
    for (const connections of [600, 2_000]) {
      const all: { capacity: number; calm: LoadFigures; loaded: LoadFigures }[] = []
      const memory: number[] = []
      for (let round = 0; round < rounds; round++) {
        const before = await capacityNow()
        const calm = await run(calmConnections, seconds.at70, 0.7 * before, round + 1)
        const loaded = await run(connections, seconds.overloaded, overload * before, round + 100)
        memory.push((await service.ask<Used>({})).residentBytes)
        const capacity = (before + (await capacityNow())) / 2
        all.push({ capacity, calm, loaded })
        progress(`${connections} connections, round ${round + 1} of ${rounds}`)
      }
      byConnections.push(figuresOf(connections, all, memory))
    }
    return {
      ...{ pinning, users, usersACall, models, deadlineMs, overload, byConnections },
      ...{ p99RatioAtMost: 3, goodputAtLeast: 0.8, memoryRatioAtMost: 1.1 },
    }
  } finally {
    await Promise.all([load.close(), service.close()])
  }
}

function figuresOf(
  connections: number,
  rounds: readonly { readonly capacity: number; readonly calm: LoadFigures; readonly loaded: LoadFigures }[],
  memory: readonly number[],
): ConnectionsFigures {
  const failures: { [failure: string]: number } = {}
  for (const { loaded } of rounds)
    for (const [failure, count] of Object.entries(loaded.failures)) failures[failure] = (failures[failure] ?? 0) + count
  const firstMinuteBytes = memory[0]
  const lastMinuteBytes = memory.at(-1)!
  return {
    connections,
    capacity: spread(rounds.map(({ capacity }) => capacity)),
    at70P99Ms: spread(rounds.map(({ calm }) => calm.p99Ms)),
    at70Failed: rounds.reduce((sum, { calm }) => sum + calm.failed, 0),
    p50Ms: spread(rounds.map(({ loaded }) => loaded.p50Ms)),
    p99Ms: spread(rounds.map(({ loaded }) => loaded.p99Ms)),
    p99Ratio: spread(rounds.map(({ calm, loaded }) => loaded.p99Ms / calm.p99Ms)),
    goodput: spread(rounds.map(({ capacity, loaded }) => loaded.perSecond / capacity)),
    failures,
    firstMinuteBytes,
    lastMinuteBytes,
    memoryRatio: lastMinuteBytes / firstMinuteBytes,
    loadCpu: spread(rounds.map(({ loaded }) => loaded.cpuShare)),
    loadLateP99Ms: spread(rounds.map(({ loaded }) => loaded.lateP99Ms)),
  }
}

/** Whole HTTP requests, of users drawn at random. */
function requestsOf(): readonly Uint8Array[] {
  const random = seededRandom(7)
  return Array.from({ length: 500 }, () => {
    const drawn = Array.from({ length: usersACall }, () => keyOf(random.nextBelow(users)))
    const body = pack({ users: drawn, models: modelNames(models), encoding: 'f16' })
    const head = `POST /v1/embeddings/read HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${token}\r\n`
    const more = `x-deadline-ms: ${deadlineMs}\r\ncontent-type: application/msgpack\r\ncontent-length: ${body.length}`
    return Buffer.concat([Buffer.from(`${head}${more}\r\n\r\n`), body])
  })
}
