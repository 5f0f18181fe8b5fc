/**
 * The scale model: costs are linear in calls, users, values and bytes, with the constants that were measured.
 *
 * U users, M models, D values, K slots of a ring, B users a read, N masters.
 */
import type { CapacityConstants } from './constants.ts'
import { type CapacityDemand, checkDemand } from './demand.ts'

/** A call that reads, and what it reads from. */
export type ReadShape = Pick<CapacityDemand, 'usersARead' | 'models' | 'dim' | 'ring' | 'codec'> & {
  readonly masters: number
}

const daySeconds = 86_400
/** So that one may fail. */
const leastProcesses = 2
/** A cluster elects by majority. */
const leastMasters = 3
/** The old dump stays until the new one is whole. */
const dumpsOnDisk = 2
/** Bytes of a value in an answer, which is fp16. */
const answerValueBytes = 2

/** A ring's record, as docs/store.md has it: header, pooled vector in fp16, and a tag of 24 bytes with a vector a slot. */
export function ringRecordBytes(dim: number, ring: number, codec: 'fp16' | 'int8'): number {
  const slotBytes = codec === 'fp16' ? 2 * dim : 4 + dim
  return 24 + 2 * dim + ring * (24 + slotBytes)
}

/** What stands before a string of Valkey's, and the NUL behind it. */
const stringBytes = 8

/** What jemalloc, Valkey's allocator, gives for a string: classes of sizes, four to a doubling. */
export function allocatedBytes(lengthBytes: number): number {
  const bytes = Math.max(16, lengthBytes + stringBytes)
  const step = Math.max(16, 2 ** (Math.ceil(Math.log2(bytes)) - 3))
  return step * Math.ceil(bytes / step)
}

/** Memory of a user in one Valkey node, key and state included. */
export function userBytes(
  constants: CapacityConstants,
  { models, dim, ring, codec }: Omit<ReadShape, 'usersARead' | 'masters'>,
): number {
  const of = valuesOf(constants)
  const ringBytes = of.storeRingBytes + allocatedBytes(ringRecordBytes(dim, ring, codec))
  return of.storeUserBytes + allocatedBytes(of.stateBytes) + models * ringBytes
}

/** Masters that a call of so many users asks, in the mean: users lie evenly over them. */
export function mastersAsked(usersARead: number, masters: number): number {
  return masters * (1 - (1 - 1 / masters) ** usersARead)
}

/** Processor time of a reader for a call. */
export function readUs(constants: CapacityConstants, { usersARead, models, dim, masters }: ReadShape): number {
  const of = valuesOf(constants)
  const others = mastersAsked(usersARead, masters) - 1
  return of.readCallUs + others * of.readNodeUs + usersARead * models * (of.readUserUs + (dim * of.readValueNs) / 1_000)
}

/** Processor time of all Valkey masters together for a call. */
export function storeReadUs(constants: CapacityConstants, shape: ReadShape): number {
  const { usersARead, models, dim, ring, codec, masters } = shape
  const of = valuesOf(constants)
  const kilobytes = ringRecordBytes(dim, ring, codec) / 1_000
  return (
    mastersAsked(usersARead, masters) * of.storeCallUs +
    usersARead * models * (of.storeUserUs + kilobytes * of.storeKilobyteUs)
  )
}

/** Body of an answer. */
export function answerBytes(
  constants: CapacityConstants,
  { usersARead, models, dim }: Pick<ReadShape, 'usersARead' | 'models' | 'dim'>,
): number {
  const of = valuesOf(constants)
  return of.answerCallBytes + usersARead * models * (of.answerUserBytes + answerValueBytes * dim)
}

export type CapacityPlan = ReturnType<typeof planCapacity>

/** @throws CapacityError for demands beyond their bounds */
export function planCapacity(demand: CapacityDemand, constants: CapacityConstants) {
  checkDemand(demand)
  const { users, models, dim, ring, codec, reads, usersARead, replicas, utilization, fill } = demand
  const of = valuesOf(constants)
  const refreshesPerSecond = (users * demand.refreshes) / daySeconds
  const eventsPerSecond = (users * demand.events) / daySeconds
  const bytesAUser = userBytes(constants, { models, dim, ring, codec })
  const byMemory = Math.ceil((users * bytesAUser) / (demand.nodeGigabytes * 1e9 * fill))
  const masters = fewestMasters(Math.max(leastMasters, byMemory), (count) => storeProcessors(count) / utilization)
  const shape = { usersARead, models, dim, ring, codec, masters }
  const readers = processes(reads * readUs(constants, shape) + eventsPerSecond * of.eventUs, demand)
  const workers = processes(refreshesPerSecond * models * of.refreshUs, demand)
  const encoders = Math.ceil((refreshesPerSecond * models) / (of.encodeUsersPerSecond * utilization))
  const rowBytes = ringRecordBytes(dim, ring, codec)
  const memoryBytes = users * bytesAUser * (1 + replicas)

  function storeProcessors(count: number): number {
    const us =
      reads * storeReadUs(constants, { usersARead, models, dim, ring, codec, masters: count }) +
      refreshesPerSecond * models * of.storeRefreshUs +
      eventsPerSecond * of.storeEventUs
    return us / 1e6
  }

  /** What the number of masters comes from. */
  const boundBy: 'memory' | 'processors' | 'a majority' =
    masters === byMemory ? 'memory' : masters === leastMasters ? 'a majority' : 'processors'
  return {
    usersReadPerSecond: reads * usersARead,
    refreshesPerSecond,
    eventsPerSecond,
    /** A process has one processor, as those of `workers` have. */
    readers,
    workers,
    /** GPUs, or whatever device it was that was measured. */
    encoders,
    valkey: {
      masters,
      nodes: masters * (1 + replicas),
      boundBy,
      /** Of all masters, busy. */
      processors: storeProcessors(masters),
      /** Of all nodes together, data alone. */
      memoryBytes,
      diskBytes: dumpsOnDisk * of.storeDiskShare * memoryBytes,
    },
    /** Bytes a second; writes are those of refreshes, to masters and from them to replicas. */
    network: {
      readersToCallers: reads * answerBytes(constants, shape),
      valkeyToReaders: reads * usersARead * models * rowBytes,
      valkeyWrites: refreshesPerSecond * models * rowBytes * (1 + replicas),
    },
    /** Memory of a user, replicas aside. */
    bytesAUser,
  }
}

/** More masters take more calls for the same reads: the fewest whose own need they meet. */
function fewestMasters(least: number, needed: (masters: number) => number): number {
  let masters = least
  // It grows by what is missing until nothing is: a call asks its users' masters at most, so there is an end.
  for (let need = Math.ceil(needed(masters)); need > masters; need = Math.ceil(needed(masters))) masters = need
  return masters
}

function processes(us: number, { utilization, cores }: CapacityDemand) {
  const processors = us / 1e6
  const count = Math.max(leastProcesses, Math.ceil(processors / utilization))
  return { processors, processes: count, machines: Math.max(leastProcesses, Math.ceil(count / cores)) }
}

function valuesOf(constants: CapacityConstants): { readonly [name in keyof CapacityConstants]: number } {
  return Object.fromEntries(Object.entries(constants).map(([name, { value }]) => [name, value])) as {
    [name in keyof CapacityConstants]: number
  }
}
