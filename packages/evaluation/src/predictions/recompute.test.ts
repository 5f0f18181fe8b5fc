import { join } from 'node:path'
import {
  auc,
  logLossesOfLogits,
  normalizedEntropyBootstrap,
  normalizedEntropyOfLosses,
  pairedClusterBootstrap,
  seededRandom,
  seedSummary,
  studentReach,
} from '@headwater/statistics'
import { temporaryDirectory } from '@headwater/testkit'
import { describe, expect, test } from 'vitest'
import { hasNumpy, queried, recomputed } from '../testing/recomputed.ts'
import type { Predictions } from './predictions.ts'
import { writePredictions } from './write-predictions.ts'

const random = seededRandom(8)
const rowCount = 900

/** Logits in steps of a quarter, so that many are tied. */
function predictions(digest: string, seeds: readonly number[], arms: readonly string[]): Predictions {
  const own = seededRandom(9)
  const label = Uint8Array.from({ length: rowCount }, () => own.nextBelow(2))
  const user = Uint32Array.from({ length: rowCount }, () => own.nextBelow(70))
  const item = Uint32Array.from({ length: rowCount }, () => own.nextBelow(25))
  const drawn = (skill: number) =>
    seeds.map(() => Float32Array.from(label, (y) => Math.round(4 * (skill * (y - 0.5) + random.nextNormal())) / 4))
  return {
    log: { name: "small 'log'", digest, rows: 5000 },
    task: 'stars',
    rows: {
      row: Uint32Array.from(label, (_, i) => 4100 + i),
      user,
      item,
      userNames: Array.from({ length: 70 }, (_, i) => `user ${i}`),
      itemNames: Array.from({ length: 25 }, (_, i) => `film "${i}" ü`),
      timeMs: Float64Array.from(label, (_, i) => 1.7e12 + 1000 * i),
      label,
    },
    seeds,
    logits: Object.fromEntries(arms.map((arm, a) => [arm, drawn(a)])),
  }
}

const arms = ['without', 'with', 'untrained']
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

/** The lines of the script's tables, split. */
const tablesOf = (output: string) =>
  output
    .split('\n')
    .filter((line) => line.includes('\t'))
    .map((line) => line.split('\t'))

const bootstrap = { draws: 2000, seed: 1 }

describe.each([[[1]], [[1, 2, 3]]])('predictions of seeds %j', (seeds) => {
  const kept = predictions('0123abc', seeds, arms)
  const { label, user, item } = kept.rows
  const directory = temporaryDirectory()
  const byArm = new Map(
    arms.map((arm) => [arm, kept.logits[arm].map((own) => Float64Array.from(logLossesOfLogits(own, label)))]),
  )
  const losses = (arm: string) => byArm.get(arm)!
  const meanLosses = (arm: string) => Float64Array.from(label, (_, row) => mean(losses(arm).map((own) => own[row])))
  const scores = Object.fromEntries(
    arms.map((arm) => [
      arm,
      [normalizedEntropyOfLosses(meanLosses(arm), label), mean(kept.logits[arm].map((own) => auc(own, label)))],
    ]),
  )

  test('give the same normalized entropy and AUC by the query', async () => {
    await writePredictions(directory, kept)
    const found = await queried(directory, '0123abc')
    expect(Object.keys(found)).toEqual(arms.toSorted())
    for (const arm of arms) for (const i of [0, 1]) expect(Math.abs(found[arm][i] - scores[arm][i])).toBeLessThan(1e-6)
  })

  test('give the same scores and intervals with numpy', async () => {
    if (!hasNumpy) return
    await writePredictions(directory, kept)
    const { stdout, stderr, status } = recomputed(join(directory, 'predictions.npz'), '--log', '0123abc')
    expect([status, stderr]).toEqual([0, ''])
    const widen = (
      { value, low, high, standardError }: ReturnType<typeof pairedClusterBootstrap>,
      bySeed: readonly number[],
    ) => {
      const errors = bySeed.map(() => standardError)
      const { standardError: whole, freedom } = seedSummary(bySeed, errors, { sameRows: true })
      const factor =
        ((whole ?? standardError) / standardError) *
        (studentReach(0.05, freedom) / studentReach(0.05, Number.POSITIVE_INFINITY))
      return [value, value - (value - low) * factor, value + (high - value) * factor]
    }
    const expected = [
      ...arms.map((arm) => {
        const found = normalizedEntropyBootstrap({
          clusters: user,
          losses: meanLosses(arm),
          labels: label,
          ...bootstrap,
        })
        const interval = widen(
          found,
          losses(arm).map((own) => normalizedEntropyOfLosses(own, label)),
        )
        return [arm, ...interval, scores[arm][1]]
      }),
      ...['with', 'untrained'].flatMap((arm) =>
        (
          [
            ['users', user],
            ['items', item],
            ['both', [user, item]],
          ] as const
        ).map(([by, clusters]) => {
          const found = pairedClusterBootstrap({
            clusters,
            lossA: meanLosses('without'),
            lossB: meanLosses(arm),
            ...bootstrap,
          })
          const sum = (own: Float64Array) => own.reduce((all, loss) => all + loss, 0)
          const others = losses('without')
          return [
            arm,
            'without',
            by,
            ...widen(
              found,
              losses(arm).map((own, s) => 1 - sum(own) / sum(others[s])),
            ),
          ]
        }),
      ),
    ]
    const lines = tablesOf(stdout).filter(([first]) => first !== 'arm' && first !== 'gain')
    expect(lines.length).toBe(expected.length)
    expected.forEach((line, i) => {
      line.forEach((cell, k) => {
        if (typeof cell === 'string') expect(lines[i][k]).toBe(cell)
        else expect(Math.abs(Number(lines[i][k]) - cell)).toBeLessThan(1e-6)
      })
    })
  })
})

test('predictions of another log are refused', async () => {
  const [own, other] = [temporaryDirectory(), temporaryDirectory()]
  await writePredictions(own, predictions('0123abc', [1], arms))
  await writePredictions(other, predictions('fedcba9', [2], arms))
  await expect(queried(other, '0123abc')).rejects.toThrow(/of digest fedcba9, not of that of digest 0123abc/)
  if (!hasNumpy) return
  const npz = (directory: string) => join(directory, 'predictions.npz')
  expect(recomputed(npz(other), '--log', '0123abc')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining(
      "predictions of log small 'log' (5000 rows, digest fedcba9), not of the log of digest 0123abc",
    ),
  })
  expect(recomputed(npz(own), npz(other))).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('give runs of one log'),
  })
  expect(recomputed(npz(own), npz(own))).toMatchObject({ status: 1, stderr: expect.stringContaining('has too') })
  expect(recomputed(join(own, 'predictions.parquet'))).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('is not the predictions.npz of a run'),
  })
})
