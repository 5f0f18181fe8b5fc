import { compileFeatures, type LogEvent, type Schema } from '@headwater/features'
import { auc, logLossesOfLogits, normalizedEntropyOfLosses } from '@headwater/statistics'
import { describe, expect, test } from 'vitest'
import { memoryLog, smallEvents, smallSchema } from '../../testing/small-log.ts'
import { linearPredictions } from './linear-run.ts'

const events = smallEvents(3000, 3)
const labelsOf = (log: readonly LogEvent[], schema: Schema = smallSchema) => {
  const space = compileFeatures(schema)
  return Uint8Array.from(log, (event) => space.rankedLabel(event)!)
}
const predict = async (log: readonly LogEvent[], schema: Schema = smallSchema) =>
  linearPredictions(memoryLog(schema, log))

test('knows users by their residuals in the item’s categories', async () => {
  const { logits, columns, fit } = await predict(events)
  const last = events.length / 2
  const labels = labelsOf(events).subarray(last)
  expect(auc(logits.subarray(last), labels)).toBeGreaterThan(0.85)
  expect(normalizedEntropyOfLosses(logLossesOfLogits(logits.subarray(last), labels), labels)).toBeLessThan(0.75)
  expect(columns).toContain('crossed crossed-0-label')
  expect(fit!.isSeparable).toBe(false)
  expect(fit!.rank).toBeLessThan(columns.length)
  expect(await predict(events)).toMatchObject({ logits, columns, fit })
})

test('a label changes no prediction up to its time, nor of the rows up to the next fit but by statistics', async () => {
  const { logits } = await predict(events)
  const from = events.findIndex(({ row, timeMs }) => row >= 1800 && timeMs !== events[row - 1].timeMs)
  const labels = labelsOf(events)
  const turned = events.map((event) =>
    event.row < from ? event : { ...event, values: [...event.values.slice(0, 3), labels[event.row] ? 1 : 5] },
  )
  const groupEnd = events.findIndex(({ row, timeMs }) => row > from && timeMs !== events[from].timeMs)
  const after = await predict(turned)
  expect(after.logits.subarray(0, groupEnd)).toEqual(logits.subarray(0, groupEnd))
  expect(after.logits.subarray(groupEnd)).not.toEqual(logits.subarray(groupEnd))
})

describe('labels that come late', () => {
  const delayDays = 0.5
  const late: Schema = {
    ...smallSchema,
    fields: [...smallSchema.fields, { name: 'bought', of: 'outcome', type: 'float' }],
    tasks: [{ name: 'bought', field: 'bought', atLeast: 1, delayDays }, ...smallSchema.tasks],
  }
  const bought = events.map((event) => ({
    ...event,
    values: [...event.values, (event.values[3] as number) >= 4 ? 1 : 0],
  }))

  test('are fitted to once they are known', async () => {
    const first = bought[0].timeMs
    const { logits, fit } = await predict(bought, late)
    const knownFrom = bought.findIndex(({ timeMs }) => timeMs > first + delayDays * 86_400_000)
    expect(knownFrom).toBeGreaterThan(60)
    expect(logits.subarray(0, knownFrom).every((logit) => logit === 0)).toBe(true)
    const last = events.length / 2
    expect(auc(logits.subarray(last), labelsOf(bought, late).subarray(last))).toBeGreaterThan(0.8)
    expect(fit).not.toBeNull()
  })
})

describe('poor logs', () => {
  const noSlots: Schema = {
    ...smallSchema,
    fields: smallSchema.fields.filter(({ name }) => name === 'stars'),
    aggregations: [],
  }
  const plain = (change: (event: LogEvent) => Partial<LogEvent>, rows = 1500) =>
    events.slice(0, rows).map((event) => ({ ...event, values: [event.values[3]], ...change(event) }))
  const one: [string, LogEvent[]][] = [
    ['one item', plain(() => ({ item: 'a' }))],
    ['one user', plain(() => ({ user: 'a' }))],
    ['one user and item', plain(() => ({ user: 'a', item: 'a' }))],
    ['one class', plain(() => ({ values: [5] }))],
    ['one row', plain(() => ({}), 1)],
  ]
  test.each(one)('%s: every logit is a number', async (_, log) => {
    const { sequence: __, ...schema } = noSlots
    const { logits } = await predict(log, schema)
    expect(logits).toHaveLength(log.length)
    expect(logits.every(Number.isFinite)).toBe(true)
  })
})
