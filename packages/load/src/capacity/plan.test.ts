/** Plans against sums that were done by hand, with round constants. */
import { expect, test } from 'vitest'
import {
  allocatedBytes,
  answerBytes,
  type CapacityConstants,
  type CapacityDemand,
  CapacityError,
  type ConstantName,
  constantMeanings,
  measuredConstants,
  planCapacity,
  readUs,
  ringRecordBytes,
  storeReadUs,
  userBytes,
  withConstants,
} from './index.ts'

const values: { readonly [name in ConstantName]: number } = {
  readCallUs: 100,
  readNodeUs: 20,
  readUserUs: 2,
  readValueNs: 10,
  eventUs: 500,
  refreshUs: 400,
  storeCallUs: 10,
  storeUserUs: 1,
  storeKilobyteUs: 0.5,
  storeEventUs: 50,
  storeRefreshUs: 60,
  storeUserBytes: 200,
  storeRingBytes: 100,
  stateBytes: 468,
  storeDiskShare: 0.5,
  answerCallBytes: 80,
  answerUserBytes: 30,
  encodeUsersPerSecond: 10_000,
}
const constants = Object.fromEntries(
  Object.entries(values).map(([name, value]) => [name, { value, command: 'a test' }]),
) as CapacityConstants

const demand: CapacityDemand = {
  ...{ users: 86_400_000, models: 1, dim: 192, ring: 3, codec: 'fp16' },
  ...{ reads: 10_000, usersARead: 1, refreshes: 2, events: 5 },
  ...{ replicas: 1, cores: 16, nodeGigabytes: 64, utilization: 0.5, fill: 0.5 },
}

test("a ring's record has the bytes that docs/store.md states", () => {
  expect(ringRecordBytes(192, 3, 'fp16')).toBe(1_632)
  expect(ringRecordBytes(192, 3, 'int8')).toBe(1_068)
})

test('costs of a call', () => {
  const shape = { usersARead: 100, models: 2, dim: 200, ring: 3, codec: 'fp16' as const, masters: 1 }
  // 100 + 200 rows × (2 + 200 × .01)
  expect(readUs(constants, shape)).toBeCloseTo(900, 9)
  // A ring has 24 + 400 + 3 × 424 = 1,696 bytes.
  expect(storeReadUs(constants, shape)).toBeCloseTo(10 + 200 * (1 + 0.5 * 1.696), 9)
  expect(answerBytes(constants, shape)).toBe(80 + 200 * 430)
  expect(userBytes(constants, shape)).toBe(200 + 512 + 2 * (100 + 1_792))
  // Of 2 masters, 2 users ask 1.5 in the mean.
  expect(readUs(constants, { ...shape, usersARead: 2, masters: 2 })).toBeCloseTo(100 + 0.5 * 20 + 4 * 4, 9)
})

test("sizes are those of jemalloc's classes", () => {
  // From its manual: 16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, …; a string has 8 bytes more.
  const classes = [16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 1_792, 2_048, 2_560]
  for (const size of classes) expect(allocatedBytes(size - 8)).toBe(size)
  expect(allocatedBytes(128 - 7)).toBe(160)
  expect(allocatedBytes(1_024 - 7)).toBe(1_280)
})

test('a plan', () => {
  const plan = planCapacity(demand, constants)
  expect(plan).toMatchObject({ usersReadPerSecond: 10_000, refreshesPerSecond: 2_000, eventsPerSecond: 5_000 })
  // Of 10,000 reads at 103.92 µs and 5,000 events at 500: 3.5392 processors, half of which are used.
  expect(plan.readers.processors).toBeCloseTo(3.5392, 9)
  expect(plan.readers).toMatchObject({ processes: 8, machines: 2 })
  expect(plan.workers).toMatchObject({ processors: 0.8, processes: 2, machines: 2 })
  expect(plan.encoders).toBe(1)
  // 200 + 512 of state + 100 + 1,792; 86.4 M users take 224.99 GB, and a node holds 32.
  expect(plan.bytesAUser).toBe(2_604)
  expect(plan.valkey).toMatchObject({ masters: 8, nodes: 16, boundBy: 'memory' })
  expect(plan.valkey.memoryBytes).toBe(449_971_200_000)
  expect(plan.valkey.diskBytes).toBe(449_971_200_000)
  expect(plan.network.readersToCallers).toBe(10_000 * (80 + 30 + 384))
  expect(plan.network.valkeyToReaders).toBe(10_000 * 1_632)
  expect(plan.network.valkeyWrites).toBe(2_000 * 1_632 * 2)
})

test('masters suffice for the calls that more masters bring, and not one fewer does', () => {
  const busy = { ...demand, users: 1_000, reads: 100_000, usersARead: 100 }
  const { valkey } = planCapacity(busy, constants)
  expect(valkey.boundBy).toBe('processors')
  const needed = (masters: number) => {
    const shape = { ...busy, masters }
    return (busy.reads * storeReadUs(constants, shape)) / 1e6 / busy.utilization
  }
  expect(needed(valkey.masters)).toBeLessThanOrEqual(valkey.masters)
  expect(needed(valkey.masters - 1)).toBeGreaterThan(valkey.masters - 1)
})

test('the smallest service has two of each process and three masters', () => {
  const plan = planCapacity({ ...demand, users: 1, reads: 0, refreshes: 0, events: 0 }, constants)
  expect(plan).toMatchObject({ readers: { processes: 2 }, workers: { processes: 2 }, encoders: 0 })
  expect(plan.valkey).toMatchObject({ masters: 3, boundBy: 'a majority' })
})

test('demands and constants beyond their bounds are refused, with what would do', () => {
  expect(() => planCapacity({ ...demand, users: 0 }, constants)).toThrow(CapacityError)
  expect(() => planCapacity({ ...demand, dim: 1.5 }, constants)).toThrow('dim is 1.5; give a whole number from 1')
  expect(() => planCapacity({ ...demand, reads: Number.NaN }, constants)).toThrow(CapacityError)
  const given = (value: unknown) => () => withConstants(measuredConstants, value, 'c.json')
  expect(given([])).toThrow('c.json is no JSON object')
  expect(given({ speed: { value: 1, command: 'x' } })).toThrow('there is no constant "speed"')
  expect(given({ eventUs: { value: -1, command: 'x' } })).toThrow('eventUs.value is -1')
  expect(given({ eventUs: { value: 1 } })).toThrow('name the command that measured it')
  const { constants: replaced, checks } = given({ eventUs: { value: 7, command: 'mine' } })()
  expect(replaced.eventUs).toEqual({ value: 7, command: 'mine' })
  expect(replaced.refreshUs).toEqual(measuredConstants.constants.refreshUs)
  expect(checks).toEqual([])
})

test('the constants that Headwater comes with are all there, each with its command', () => {
  expect(Object.keys(measuredConstants.constants).sort()).toEqual(Object.keys(constantMeanings).sort())
  for (const { value, command } of Object.values(measuredConstants.constants)) {
    expect(value).toBeGreaterThanOrEqual(0)
    expect(command).not.toBe('')
  }
})
