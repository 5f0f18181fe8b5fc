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
} from '@headwater/pooling/capacity'
import { startValkey, startValkeyCluster, type ValkeyNode } from '@headwater/testkit/valkey'
import { type CallCost, type CostModel, eventCost, fill, readCost } from './capacity-load.ts'
import { nonNegativeFit } from './non-negative-fit.ts'
import { type LoadProcess, startLoad } from './open-loop.ts'
import { digits, hostProvenance, progress, publish, runBench } from './report.ts'

const users = 40_000
const wide: CostModel = { name: 'wide', dim: 192, ring: 3 }
const narrow: CostModel = { name: 'narrow', dim: 64, ring: 3 }
const other: CostModel = { name: 'other', dim: 128, ring: 2 }
const otherUsers = 60_000
const otherUsersACall = 30

const command = 'npx nx run bench:capacity'
type Values = { [name in ConstantName]?: number }

await runBench(async () => {
  const load = startLoad()
  const values: Values = {}
  const points: Point[] = []
  try {
    const one = await onOneServer(load, values, points)
    const several = await onCluster(load, points)
    fitReads(points, values)
    const constants = asConstants(values)
    const shape = { models: 1, dim: other.dim, ring: other.ring, codec: 'fp16' as const }
    const checks: CapacityCheck[] = [
      ...checked(constants, one),
      {
        what: `memory of a user, a ring of ${other.ring} × ${other.dim} values`,
        unit: 'bytes',
        // These users have no state.
        predicted: userBytes(constants, shape) - allocatedBytes(constants.stateBytes.value),
        measured: one.heldBytes,
      },
      ...checked(constants, several),
    ]
    report(constants, checks)
  } finally {
    await load.close()
  }
})

function report(constants: CapacityConstants, checks: readonly CapacityCheck[]): void {
  const about = hostProvenance()
  const figures = {
    measuredOn: `${about.adapter}, ${about.driver}, ${about.date}, commit ${about.commit}, node ${about.node}`,
    constants,
    checks,
  }
  const lines = Object.entries(figures.constants).map(([name, { value }]) => `  ${name.padEnd(22)} ${digits(value)}`)
  publish('capacity', about, `${lines.join('\n')}\n\n${checks.map(checkLine).join('\n')}`, figures)
}

function checkLine({ what, unit, predicted, measured }: CapacityCheck): string {
  const error = (100 * (predicted - measured)) / measured
  return `  ${what}: predicted ${digits(predicted)} ${unit}, measured ${digits(measured)}: error ${error > 0 ? '+' : ''}${error.toFixed(1)} %`
}

/** Calls of a size, and what they cost. */
interface Point {
  readonly shape: ReadShape
  readonly cost: CallCost
}

async function point(
  load: LoadProcess,
  masters: readonly ValkeyNode[],
  model: CostModel,
  usersACall: number,
  count: number,
): Promise<Point> {
  progress(`reads of ${usersACall} users of ${model.dim} values from ${masters.length} masters`)
  const { dim, ring } = model
  const shape = { usersARead: usersACall, models: 1, dim, ring, codec: 'fp16' as const, masters: masters.length }
  return { shape, cost: await readCost(load, masters, model, usersACall, count) }
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

/** @returns a point of another size, to check */
async function onOneServer(load: LoadProcess, values: Values, points: Point[]) {
  const node = await startValkey()
  try {
    const empty = await memory(node)
    progress(`${users} users with a ring of ${wide.dim} values, then another of ${narrow.dim}`)
    await fill([node], wide, users)
    const one = await memory(node)
    await fill([node], narrow, users)
    const two = await memory(node)
    values.storeRingBytes = (two - one) / users - allocatedBytes(ringBytes(narrow))
    values.storeUserBytes = (one - empty) / users - allocatedBytes(ringBytes(wide)) - values.storeRingBytes
    values.storeDiskShare = (await dumpBytes(node)) / two

    for (const model of [wide, narrow])
      for (const usersACall of [1, 10, 100]) points.push(await point(load, [node], model, usersACall, users))
    const [single, , many] = points
    values.answerUserBytes = (many.cost.answerBytes - single.cost.answerBytes) / 99 - 2 * wide.dim
    values.answerCallBytes = single.cost.answerBytes - values.answerUserBytes - 2 * wide.dim

    progress('events')
    const events = await eventCost(load, [node], wide, users, false)
    progress('events and their refreshes')
    const refreshed = await eventCost(load, [node], wide, users, true)
    const share = refreshed.refreshed / refreshed.calls
    values.eventUs = events.readerUs
    values.storeEventUs = events.storeUs
    values.refreshUs = (refreshed.readerUs - events.readerUs) / share
    values.storeRefreshUs = (refreshed.storeUs - events.storeUs) / share

    await node.command('FLUSHALL', 'SYNC')
    const before = await memory(node)
    progress(`${otherUsers} users with a ring of ${other.ring} × ${other.dim} values, to check`)
    await fill([node], other, otherUsers)
    const heldBytes = ((await memory(node)) - before) / otherUsers
    return { heldBytes, ...(await point(load, [node], other, otherUsersACall, otherUsers)) }
  } finally {
    await node.close()
  }
}

/** @returns a point of another size, to check */
async function onCluster(load: LoadProcess, points: Point[]): Promise<Point> {
  const cluster = await startValkeyCluster({ masters: 3, replicas: 0 })
  try {
    const masters = await cluster.masters()
    progress('three masters')
    await fill(masters, narrow, users)
    for (const usersACall of [10, 100]) points.push(await point(load, masters, narrow, usersACall, users))
    return await point(load, masters, narrow, otherUsersACall, users)
  } finally {
    await cluster.close()
  }
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
