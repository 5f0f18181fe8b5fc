/**
 * Measures the constants of `headwater capacity`, then says what calls and users of another size cost, and measures that.
 * Times are processor times, by the counts of the system and of Valkey.
 */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import {
  allocatedBytes,
  answerBytes,
  type CapacityCheck,
  type CapacityConstants,
  type Constant,
  type ConstantName,
  mastersAsked,
  measuredConstants,
  type ReadShape,
  readUs,
  ringRecordBytes,
  storeReadUs,
  userBytes,
} from '@headwater/load/capacity'
import { startValkey, startValkeyCluster, type ValkeyNode } from '@headwater/testkit/valkey'
import {
  type CallCost,
  type CapacityReader,
  type CostModel,
  eventCost,
  fill,
  readCost,
  startReader,
} from './capacity-load.ts'
import { type LoadProcess, startLoad } from './load.ts'
import { nonNegativeFit } from './non-negative-fit.ts'
import { digits, hostProvenance, progress, publish, runBench, spread } from './report.ts'

const users = 40_000
const wide: CostModel = { name: 'wide', dim: 192, ring: 3 }
const narrow: CostModel = { name: 'narrow', dim: 64, ring: 3 }
const other: CostModel = { name: 'other', dim: 128, ring: 2 }
/** Of another codec, of a length that no constant was measured at, and beside a state. */
const packed: CostModel = { name: 'packed', dim: 96, ring: 5, codec: 'int8', stateBytes: 700 }
const otherUsersACall = 30

const command = 'npx nx run bench:capacity'
type Values = { [name in ConstantName]?: number }

/**
 * Each size is measured so often, in turn with the others: the machine's own moods fall on all of them. A round before
 * warms up, as what a process compiles while it is new would count otherwise.
 */
const rounds = 3

/** A size of calls. */
interface Size {
  readonly reader: CapacityReader
  readonly model: CostModel
  readonly usersACall: number
  /** Whether constants are made of it; others are checked. */
  readonly isFitted: boolean
}

await runBench(async () => {
  const load = startLoad()
  const closers: (() => Promise<void>)[] = [() => load.close()]
  const values: Values = {}
  try {
    const node = await startValkey()
    closers.push(() => node.close())
    const heldBytes = await memoryAndEvents(load, node, values)
    const sizes: Size[] = []
    const add = (reader: CapacityReader, model: CostModel, usersACall: number, isFitted = true) =>
      sizes.push({ reader, model, usersACall, isFitted })
    const open = async (masters: readonly ValkeyNode[], models: readonly CostModel[]) => {
      const reader = await startReader(masters, models)
      closers.push(() => reader.close())
      return reader
    }
    const one = await open([node], [wide, narrow, other])
    for (const model of [wide, narrow]) for (const usersACall of [1, 10, 100]) add(one, model, usersACall)
    add(one, other, otherUsersACall, false)
    for (const count of [3, 5]) {
      const cluster = await startValkeyCluster({ masters: count, replicas: 0 })
      closers.push(() => cluster.close())
      const masters = await cluster.masters()
      await fill(masters, narrow, users)
      const several = await open(masters, [narrow])
      if (count === 3) for (const usersACall of [10, 100]) add(several, narrow, usersACall)
      add(several, narrow, otherUsersACall, false)
    }
    const points = await measured(load, sizes)
    const fitted = points.filter(({ isFitted }) => isFitted)
    fitReads(fitted, values)
    const [single, , many] = fitted
    values.answerUserBytes = (many.cost.answerBytes - single.cost.answerBytes) / 99 - 2 * wide.dim
    values.answerCallBytes = single.cost.answerBytes - values.answerUserBytes - 2 * wide.dim
    const constants = asConstants(values)
    const shape = { models: 1, dim: packed.dim, ring: packed.ring, codec: 'int8' as const }
    const stated = { ...constants, stateBytes: { value: packed.stateBytes!, command } }
    const checks: CapacityCheck[] = [
      ...points.filter(({ isFitted }) => !isFitted).flatMap((each) => checked(constants, each)),
      {
        what: `memory of a user, a ring of ${packed.ring} × ${packed.dim} int8 values and a state of ${packed.stateBytes} bytes`,
        unit: 'bytes',
        predicted: userBytes(stated, shape),
        measured: heldBytes,
      },
    ]
    report(constants, checks, points)
  } finally {
    for (const close of closers.reverse()) await close()
  }
})

function report(constants: CapacityConstants, checks: readonly CapacityCheck[], points: readonly Point[]): void {
  const about = hostProvenance()
  const figures = {
    measuredOn: `${about.adapter}, ${about.driver}, ${about.date}, commit ${about.commit}, node ${about.node}`,
    constants,
    checks,
    points,
  }
  const lines = Object.entries(figures.constants).map(([name, { value }]) => `  ${name.padEnd(22)} ${digits(value)}`)
  publish('capacity', about, `${lines.join('\n')}\n\n${checks.map(checkLine).join('\n')}`, figures)
}

function checkLine({ what, unit, predicted, measured }: CapacityCheck): string {
  const error = (100 * (predicted - measured)) / measured
  return `  ${what}: predicted ${digits(predicted)} ${unit}, measured ${digits(measured)}: error ${error > 0 ? '+' : ''}${error.toFixed(1)} %`
}

/** Calls of a size, and what they cost: medians of the rounds. */
interface Point {
  readonly shape: ReadShape
  readonly isFitted: boolean
  readonly cost: Pick<CallCost, 'readerUs' | 'storeUs' | 'answerBytes'>
}

async function measured(load: LoadProcess, sizes: readonly Size[]): Promise<readonly Point[]> {
  const costs: CallCost[][] = sizes.map(() => [])
  for (let round = 0; round <= rounds; round++)
    for (const [i, { reader, model, usersACall }] of sizes.entries()) {
      progress(
        `reads of ${usersACall} users of ${model.dim} values from ${reader.masters.length} masters, ${round} of ${rounds}`,
      )
      const cost = await readCost(load, reader, model, usersACall, users)
      if (round > 0) costs[i].push(cost)
    }
  return sizes.map(({ reader: { masters }, model: { dim, ring }, usersACall, isFitted }, i) => {
    const of = (part: 'readerUs' | 'storeUs' | 'answerBytes') => spread(costs[i].map((cost) => cost[part])).median
    const shape = { usersARead: usersACall, models: 1, dim, ring, codec: 'fp16' as const, masters: masters.length }
    return {
      shape,
      isFitted,
      cost: { readerUs: of('readerUs'), storeUs: of('storeUs'), answerBytes: of('answerBytes') },
    }
  })
}

function ringBytes({ dim, ring }: { readonly dim: number; readonly ring: number }): number {
  return ringRecordBytes(dim, ring, 'fp16')
}

/** What calls are made of, so that their costs add up as the model says. */
function fitReads(points: readonly Point[], values: Values): void {
  const asked = ({ usersARead, masters }: ReadShape) => mastersAsked(usersARead, masters)
  const [call, node, user, value] = nonNegativeFit(
    points.map(({ shape, cost }) => ({
      parts: [1, asked(shape) - 1, shape.usersARead, (shape.usersARead * shape.dim) / 1_000],
      measured: cost.readerUs,
    })),
  )
  Object.assign(values, { readCallUs: call, readNodeUs: node, readUserUs: user, readValueNs: value })
  const [storeCall, storeUser, kilobyte] = nonNegativeFit(
    points.map(({ shape, cost }) => ({
      parts: [asked(shape), shape.usersARead, (shape.usersARead * ringBytes(shape)) / 1_000],
      measured: cost.storeUs,
    })),
  )
  Object.assign(values, { storeCallUs: storeCall, storeUserUs: storeUser, storeKilobyteUs: kilobyte })
}

function checked(constants: CapacityConstants, { shape, cost }: Point): CapacityCheck[] {
  const from = shape.masters === 1 ? 'one master' : `${shape.masters} masters`
  const what = `a call of ${shape.usersARead} users of ${shape.dim} values from ${from}`
  return [
    { what: `reader, ${what}`, unit: 'µs', predicted: readUs(constants, shape), measured: cost.readerUs },
    { what: `Valkey, ${what}`, unit: 'µs', predicted: storeReadUs(constants, shape), measured: cost.storeUs },
    { what: `answer, ${what}`, unit: 'bytes', predicted: answerBytes(constants, shape), measured: cost.answerBytes },
  ]
}

/** What users take, and what events and refreshes cost. @returns bytes of a user of another kind, to check */
async function memoryAndEvents(load: LoadProcess, node: ValkeyNode, values: Values): Promise<number> {
  progress(`${users} users with a ring of another kind, to check`)
  const nothing = await memory(node)
  await fill([node], packed, users)
  const heldBytes = ((await memory(node)) - nothing) / users
  await node.command('FLUSHALL', 'SYNC')

  const empty = await memory(node)
  progress(`${users} users with a ring of ${wide.dim} values, then another of ${narrow.dim}`)
  await fill([node], wide, users)
  const one = await memory(node)
  await fill([node], narrow, users)
  const two = await memory(node)
  values.storeRingBytes = (two - one) / users - allocatedBytes(ringBytes(narrow))
  values.storeUserBytes = (one - empty) / users - allocatedBytes(ringBytes(wide)) - values.storeRingBytes
  values.storeDiskShare = (await dumpBytes(node)) / two

  progress('events')
  const events = await eventCost(load, [node], wide, users, false)
  progress('events and their refreshes')
  const refreshed = await eventCost(load, [node], wide, users, true)
  const share = refreshed.refreshed / refreshed.calls
  values.eventUs = events.readerUs
  values.storeEventUs = events.storeUs
  values.refreshUs = (refreshed.readerUs - events.readerUs) / share
  values.storeRefreshUs = (refreshed.storeUs - events.storeUs) / share
  await fill([node], other, users)
  return heldBytes
}

/** Once the buffers of those who have left are given back. */
async function memory(node: ValkeyNode): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 500))
  return Number(await node.info('memory', 'used_memory'))
}

async function dumpBytes(node: ValkeyNode): Promise<number> {
  await node.command('SAVE')
  const setting = async (name: string) => ((await node.command('CONFIG', 'GET', name)) as string[])[1]
  return statSync(join(await setting('dir'), await setting('dbfilename'))).size
}

/** Those that other commands measure come from their results. */
function asConstants(values: Values): CapacityConstants {
  const encoding = JSON.parse(readFileSync(join(import.meta.dirname, 'results/training.json'), 'utf8'))
  const base = encoding.sections.encode.find(
    ({ preset, rows }: { preset: string; rows: number }) => preset === 'base' && rows === 512,
  )
  const own = Object.fromEntries(
    Object.entries(values).map(([name, value]): [string, Constant] => [name, { value: Math.max(0, value), command }]),
  )
  const encoder = (1_000 * base.rows) / base.peers['onnxruntime-node CPU'].ms.median
  return {
    ...measuredConstants.constants,
    ...own,
    encodeUsersPerSecond: { value: encoder, command: 'npx nx run bench:training, base in onnxruntime-node on the CPU' },
  }
}
