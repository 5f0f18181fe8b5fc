/** A model that is never retrained, against the same model as the other arms run it. */
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stepRows } from '../../downstream/family.ts'
import { servedArm, standardUpstream } from '../../experiments/common-arms.ts'
import { towerPlan } from '../../experiments/sharing/plans.ts'
import { silent } from '../../testing/small-job.ts'
import { readSmallLab } from '../../testing/small-lab.ts'
import { memoryLog, smallEvents, smallSchema } from '../../testing/small-log.ts'
import { LabCache } from '../cache/lab-cache.ts'
import type { LabLog } from '../log/lab-log.ts'
import { readUpstream } from '../upstream/upstream.ts'
import type { ArmOutcome } from './arm.ts'
import { latestAlone, type Setup } from './downstream-arm.ts'

const events = smallEvents(1500, 7)
let device: GpuDevice
let lab: LabLog
let cache: LabCache
/** Rows before which snapshots were published. */
let published: number[]
let held: ArmOutcome
/** In the snapshots' own coordinates; with each snapshot, and with the first one kept. */
let raw: ArmOutcome
let kept: ArmOutcome
let live: ArmOutcome

beforeAll(async () => {
  device = await requestDevice()
  lab = await readSmallLab(memoryLog(smallSchema, events))
  cache = new LabCache(temporaryDirectory(), lab, 'a test')
  const context = { device, lab, stages: silent, signal: undefined }
  const setups: Setup[] = [
    { ...latestAlone, name: 'held', deployment: { kind: 'once' } },
    { ...latestAlone, name: 'retrained' },
  ]
  const upstream = standardUpstream(1)
  const plan = { name: 'held', title: 'held', models: ['sparse'], setups, keptFrom: 'middle-publication' } as const
  held = await cache.run(servedArm(lab, 1, { ...plan, source: 'tower' }), context)
  raw = await cache.run(servedArm(lab, 1, { ...plan, source: 'raw' }), context)
  kept = await cache.run(servedArm(lab, 1, { ...plan, source: 'raw', keepsTower: true }), context)
  live = await cache.run(
    servedArm(lab, 1, { name: 'live', title: 'live', source: 'tower', models: ['sparse'] }),
    context,
  )
  published = readUpstream(cache.directoryOf(upstream))!.publications.map(({ row }) => row)
})

afterAll(() => device.destroy())

describe('from the second publication on', () => {
  test('rows are those of the log', () => {
    const { label, user, publication } = held.columns
    const rows = events.slice(published[1])
    expect([...label]).toEqual(rows.map(({ values }) => ((values[3] as number) >= 4 ? 1 : 0)))
    expect(new Set(user).size).toBe(new Set(rows.map((event) => event.user)).size)
    expect([...publication]).toEqual(rows.map(({ row }) => published.filter((own) => own <= row).length - 1))
  })

  test('one that is retrained predicts as in any other arm', () => {
    expect(held.columns['retrained sparse'].slice(lab.test.fromRow - published[1])).toEqual(live.columns.sparse)
  })

  test('one that is not predicts the same until there is something new to learn, and then does not', () => {
    const same = [...held.columns['held sparse'].keys()].filter(
      (i) => held.columns['held sparse'][i] === held.columns['retrained sparse'][i],
    )
    expect(same.length).toBeGreaterThan(0)
    expect(same.length).toBeLessThanOrEqual(stepRows)
    expect(same).toEqual(same.map((_, i) => i))
  })
})

test('where no new snapshot comes, users are served as with the next one until they are refreshed, and then are not', () => {
  const seen = new Set<string>()
  const isSame = { first: [] as boolean[], later: [] as boolean[] }
  for (const [i, { user }] of events.slice(published[1], published[2]).entries()) {
    isSame[seen.has(user) ? 'later' : 'first'].push(kept.columns['held sparse'][i] === raw.columns['held sparse'][i])
    seen.add(user)
  }
  const share = (same: readonly boolean[]) => same.filter(Boolean).length / same.length
  // Some refreshes of events before the publication land behind it.
  expect(share(isSame.first)).toBeGreaterThan(0.8)
  expect(share(isSame.later)).toBeLessThan(0.1)
})

test('a tower for few rows is trained on these alone', async () => {
  const context = { device, lab, stages: silent, signal: undefined }
  const [market] = lab.portfolio
  const plan = towerPlan(lab, 1, [market])
  const own = await cache.upstream(plan, context)
  const whole = readUpstream(cache.directoryOf(standardUpstream(1)))!
  expect(own.publications.map(({ row }) => row)).toEqual(whole.publications.map(({ row }) => row))
  expect(own.encodeFlops).toBe(whole.encodeFlops)
  const arm = servedArm(lab, 1, {
    name: 'own',
    title: 'own',
    source: 'tower',
    models: [market.name],
    upstream: plan,
    forOwnUsers: true,
  })
  const { columns, figures } = await cache.run(arm, context)
  const { places } = lab.test.models[market.name]
  expect(columns[market.name]).toHaveLength(places.length)
  const theirs = new Set([...places].map((place) => events[lab.test.fromRow + place].user))
  expect(figures.storedUsers).toBeGreaterThanOrEqual(theirs.size)
  expect(figures.storedUsers).toBeLessThan(new Set(events.map(({ user }) => user)).size / 2)
  expect(figures.trainingFlops).toBeLessThan(whole.trainingFlops)
})
