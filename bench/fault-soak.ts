/**
 * `npx nx run bench:soak -- [--minutes 30] [--seed 1] [--json FILE]`: two readers and two workers over 3 + 3 Valkey, and a server over LMDB
 * with an event log, on disks of their own. Under writers, readers and hostile clients all of them are killed and stopped, masters are
 * killed or fall silent, and a disk is full, all at once. In the end a ledger of what was acknowledged is held against both
 * stores and the log: nothing lost, nothing doubled, no server ended by itself, all ready again. `--minutes 3` is a short form.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { compileFeatures, type Schema } from '@headwater/features'
import { userFeatures } from '@headwater/pooling'
import { type SeededRandom, seededRandom } from '@headwater/statistics'
import { type EmbeddingStore, openStore } from '@headwater/store'
import { mountSmallDisks, type SmallDisks } from '@headwater/testkit/disk-faults'
import { freePorts } from '@headwater/testkit/valkey'
import { until } from './cluster-load.ts'
import { type ClusterParts, home, serveArgs, startParts } from './cluster-processes.ts'
import { Ledger, type LedgerFigures } from './fault-ledger.ts'
import { connectionsABurst, harass } from './hostile-clients.ts'
import { digits, hostProvenance, progress, publish, runBench, UsageError } from './report.ts'
import { RestartedServer } from './restarted-server.ts'

/** Of each ledger. */
const writers = 4
const diskMegabytes = 256
const diskNames = ['store-disk', 'log-disk'] as const
const readEveryMs = 20

type Counts = Record<string, number>
type Fault = readonly [name: string, inflict: (random: SeededRandom) => Promise<void>]

const count = (counts: Counts, name: string, by = 1) => {
  counts[name] = (counts[name] ?? 0) + by
}
const oneOf = <T>(all: readonly T[], random: SeededRandom) => all[random.nextBelow(all.length)]

/** One fault after the other, drawn, until it is over. */
async function suffer(faults: readonly Fault[], random: SeededRandom, isOver: () => boolean, counts: Counts) {
  while (!isOver()) {
    const [name, inflict] = oneOf(faults, random)
    await inflict(random)
    count(counts, name)
    await wait(500 + random.nextBelow(4_000))
  }
}

const killed = async (server: RestartedServer, random: SeededRandom) => {
  await server.end('SIGKILL')
  await wait(random.nextBelow(2_000))
  await server.start()
}
const stopped = (server: RestartedServer, random: SeededRandom) => server.stopFor(500 + random.nextBelow(4_000))

interface Servers {
  readonly readers: readonly RestartedServer[]
  readonly workers: readonly RestartedServer[]
  /** Over LMDB, with an event log. */
  readonly alone: RestartedServer
}

/** What goes on side by side: one thing at a time of each list. */
function faultsOf({ valkey }: ClusterParts, { readers, workers, alone }: Servers, disks: SmallDisks | null): Fault[][] {
  const processes: Fault[] = [
    ['reader-killed', (random) => killed(oneOf(readers, random), random)],
    ['reader-stopped', (random) => stopped(oneOf(readers, random), random)],
    ['worker-killed', (random) => killed(oneOf(workers, random), random)],
    ['worker-stopped', (random) => stopped(oneOf(workers, random), random)],
  ]
  const masters: Fault[] = [
    [
      'master-killed',
      async (random) => {
        const master = oneOf(await valkey.masters(), random)
        const replica = await valkey.replicaOf(master)
        await master.kill()
        await until('a replica takes over', async () => (await replica.info('replication', 'role')) === 'master', 50)
        await master.restart()
        await valkey.settled()
      },
    ],
    [
      'master-silent',
      async (random) => {
        const master = oneOf(await valkey.masters(), random)
        master.pause()
        await wait(500 + random.nextBelow(5_000))
        master.resume()
        await valkey.settled()
      },
    ],
  ]
  const single: Fault[] = [
    ['server-killed', (random) => killed(alone, random)],
    ['server-stopped', (random) => stopped(alone, random)],
  ]
  const lists = [processes, masters, single]
  if (disks === null) return lists
  const full = (name: string): Fault => [
    `${name}-full`,
    async (random) => {
      disks.fill(name)
      await wait(1_000 + random.nextBelow(6_000))
      disks.makeRoom(name)
      // Meanwhile it is to be written to.
      await wait(4_000)
    },
  ]
  return [...lists, diskNames.map(full)]
}

/** Events that a store counts of each user. */
async function countsIn(store: EmbeddingStore, schema: Schema, users: readonly string[]): Promise<Map<string, number>> {
  const space = compileFeatures(schema)
  const counts = new Map<string, number>()
  for (let from = 0; from < users.length; from += 500) {
    const some = users.slice(from, from + 500)
    const { states } = await store.readStates('user', some)
    for (const [i, state] of states.entries())
      if (state !== undefined) counts.set(some[i], space.userHistory(userFeatures(space, state)).eventCount)
  }
  return counts
}

/** Lines of an event log by their event's id. */
function idsInLog(directory: string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of readdirSync(directory).filter((each) => each.endsWith('.jsonl')))
    for (const line of readFileSync(join(directory, name), 'utf8').split('\n').slice(0, -1)) {
      const id: string = JSON.parse(line).headwater_event_id
      counts.set(id, (counts.get(id) ?? 0) + 1)
    }
  return counts
}

async function startServers({ storeUrl, start }: ClusterParts, disks: SmallDisks | null): Promise<Servers> {
  const ports = await freePorts(5)
  const shared = (role: 'read' | 'refresh', port: number) =>
    new RestartedServer(port, () => start(serveArgs(role, 'model', storeUrl, port)))
  const [first, second, third, fourth, fifth] = ports
  const kept = ['--store', 'lmdb:node/store-disk/store', '--event-log', 'node/log-disk/events']
  const single = ['serve', '--model', 'model', '--encoder', 'onnx', ...kept, '--port', String(fifth)]
  const servers = {
    readers: [shared('read', first), shared('read', second)],
    workers: [shared('refresh', third), shared('refresh', fourth)],
    alone: new RestartedServer(fifth, () => start(single, disks?.entering)),
  }
  await Promise.all(allOf(servers).map((server) => server.start()))
  return servers
}

const allOf = ({ readers, workers, alone }: Servers) => [...readers, ...workers, alone]

export interface FaultSoakFigures {
  readonly minutes: number
  readonly seed: number
  /** How often each was inflicted. */
  readonly faults: Counts
  readonly hostileConnections: number
  /** Reads by what came of them. */
  readonly reads: Counts
  /** Servers that could not start at once, as what they needed was away. */
  readonly refusedStarts: number
  /** From the end of the last fault until all were ready and every event was acknowledged. */
  readonly recoveredMs: number
  readonly cluster: LedgerFigures
  readonly lmdb: LedgerFigures
  readonly eventLog: LedgerFigures
}

async function soak(
  parts: ClusterParts,
  disks: SmallDisks | null,
  minutes: number,
  seed: number,
): Promise<FaultSoakFigures> {
  const { directory, valkey, schema } = parts
  const random = (purpose: number) => seededRandom(1_000 * seed + purpose)
  const servers = await startServers(parts, disks)
  const { readers, alone } = servers
  progress(`soaking for ${minutes} minutes`)
  const endMs = performance.now() + 60_000 * minutes
  const isOver = () => performance.now() > endMs
  const [faults, reads]: [Counts, Counts] = [{}, {}]
  let hostileConnections = 0
  const [shared, own] = [new Ledger(), new Ledger()]

  const disturb = async (draw: SeededRandom) => {
    while (!isOver()) {
      await harass(oneOf([...readers, alone], draw).port, draw)
      hostileConnections += connectionsABurst
    }
  }
  const read = async (draw: SeededRandom) => {
    while (!isOver()) {
      const [server, ledger] = oneOf([[alone, own] as const, [oneOf(readers, draw), shared] as const], draw)
      const users = [...ledger.acknowledged.keys()].slice(-20)
      if (users.length > 0) {
        const outcome = await server.client.read(users, ['sum']).then(
          () => 'answered',
          (error: Error) => error.name,
        )
        count(reads, outcome)
      }
      await wait(readEveryMs)
    }
  }
  const told = () =>
    `${JSON.stringify(faults)}, ${hostileConnections} hostile connections, reads ${JSON.stringify(reads)}`
  const telling = setInterval(() => progress(told()), Math.min(60_000, 10_000 * minutes))
  let recoveredMs = Number.NaN
  try {
    const each = Array.from({ length: writers }, (_, i) => i)
    // Whoever is refused by a reader asks the other one.
    const writing = Promise.all([
      ...each.map((i) => shared.write(`shared-${i}`, (tries) => readers[(i + tries) % readers.length].client, isOver)),
      ...each.map((i) => own.write(`own-${i}`, () => alone.client, isOver)),
    ])
    const suffering = faultsOf(parts, servers, disks).map((list, i) => suffer(list, random(i), isOver, faults))
    const all = Promise.all([...suffering, disturb(random(10)), read(random(11))]).then(async () => {
      const overMs = performance.now()
      // What was begun is acknowledged, now that nothing disturbs it.
      await writing
      for (const server of allOf(servers)) await until('all servers are ready', () => server.isReady(), 50)
      recoveredMs = performance.now() - overMs
    })
    await Promise.race([Promise.all([all, writing]), ...allOf(servers).map(({ crashed }) => crashed)])
  } finally {
    clearInterval(telling)
  }
  await valkey.settled()
  const held = await countsIn(parts.store, schema, shared.users)
  for (const server of allOf(servers)) await server.end('SIGTERM')
  const kept = join(directory, 'kept')
  cpSync(disks?.path ?? join(directory, 'node'), kept, { recursive: true })
  const store = await openStore(`lmdb:${join(kept, 'store-disk/store')}`)
  try {
    const { faults: damaged } = await store.check()
    if (damaged.length > 0) throw damaged[0].error
    return {
      minutes,
      seed,
      faults,
      hostileConnections,
      reads,
      refusedStarts: allOf(servers).reduce((sum, { refusedStarts }) => sum + refusedStarts, 0),
      recoveredMs,
      cluster: shared.settleByUser(held),
      lmdb: own.settleByUser(await countsIn(store, schema, own.users)),
      eventLog: own.settleById(idsInLog(join(kept, 'log-disk/events/default'))),
    }
  } finally {
    await store.close()
  }
}

function optionsOf() {
  const text = (fallback: string) => ({ type: 'string', default: fallback }) as const
  try {
    const options = { minutes: text('30'), seed: text('1'), json: { type: 'string' } } as const
    const { minutes, seed, json } = parseArgs({ options }).values
    if (!(Number(minutes) > 0)) throw new TypeError(`--minutes ${minutes} is no number above 0.`)
    if (!/^\d{1,6}$/.test(seed)) throw new TypeError(`--seed ${seed} is no whole number.`)
    return { minutes: Number(minutes), seed: Number(seed), json }
  } catch (cause) {
    throw new UsageError(`${(cause as Error).message} Known are --minutes N, --seed N and --json FILE.`)
  }
}

function textOf({
  minutes,
  seed,
  faults,
  hostileConnections,
  reads,
  refusedStarts,
  recoveredMs,
  ...rest
}: FaultSoakFigures): string {
  const ledger = (name: string, figures: LedgerFigures) => {
    const { users, acknowledged, unknown, retries, lost, doubled, errors } = figures
    return `  ${name}  ${acknowledged} events of ${users} users acknowledged, ${unknown} unknown, ${retries} sent again: ${lost} lost, ${doubled} doubled; ${JSON.stringify(errors)}`
  }
  return [
    `${minutes} minutes, seed ${seed}`,
    `  faults     ${JSON.stringify(faults)}, ${hostileConnections} hostile connections`,
    `  reads      ${JSON.stringify(reads)}`,
    `  servers    none ended by itself, ${refusedStarts} starts refused; all well ${digits(recoveredMs / 1_000)} s after the last fault`,
    ledger('cluster  ', rest.cluster),
    ledger('LMDB     ', rest.lmdb),
    ledger('event log', rest.eventLog),
  ].join('\n')
}

await runBench(async () => {
  const { minutes, seed, json } = optionsOf()
  const parts = await startParts(progress)
  let disks: SmallDisks | null = null
  try {
    const node = join(parts.directory, 'node')
    mkdirSync(node)
    disks = await mountSmallDisks(node, diskNames, diskMegabytes, home)
    if (disks === null) progress('The system gives no mount namespace, so no disk will be full.')
    const found = await soak(parts, disks, minutes, seed)
    publish('fault-soak', hostProvenance(), textOf(found), { ...found }, json ?? null)
    const ledgers = [found.cluster, found.lmdb, found.eventLog]
    if (ledgers.some(({ lost, doubled, unknown }) => lost + doubled + unknown > 0)) process.exitCode = 1
  } finally {
    await parts.close()
    await disks?.close()
  }
})
