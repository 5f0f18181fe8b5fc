/** Scores against naive recomputation: probabilities instead of logits, all pairs instead of ranks, loops over rows. */
import { seededRandom } from '@headwater/statistics'
import { fuzz } from '@headwater/testkit'
import { describe, expect, test } from 'vitest'
import { Outcomes } from '../../lab/analysis/outcomes.ts'
import { setupColumn } from '../../lab/arms/downstream-arm.ts'
import { tenthsColumn } from '../../lab/arms/traffic-arm.ts'
import type { LabLog } from '../../lab/log/lab-log.ts'
import { type Arm, arms } from '../../report/main-job/result.ts'
import { scoreArms, trafficName } from './scores.ts'

interface Row {
  label: number
  user: number
  earlier: number
  probability: Record<Arm, number>
}

const sigmoid = (z: number) => 1 / (1 + Math.exp(-z))
const meanOf = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length
const entropyOf = (rate: number) => -rate * Math.log(rate) - (1 - rate) * Math.log(1 - rate)
const lossOf = ({ label, probability }: Row, arm: Arm) =>
  -Math.log(label === 1 ? probability[arm] : 1 - probability[arm])

function naiveNe(rows: readonly Row[], arm: Arm): number {
  return meanOf(rows.map((row) => lossOf(row, arm))) / entropyOf(meanOf(rows.map(({ label }) => label)))
}

function naiveAuc(rows: readonly Row[], arm: Arm): number {
  const wins: number[] = []
  for (const a of rows.filter(({ label }) => label === 1))
    for (const b of rows.filter(({ label }) => label === 0))
      wins.push(0.5 + Math.sign(a.probability[arm] - b.probability[arm]) / 2)
  return meanOf(wins)
}

interface Predictions {
  readonly labels: Uint8Array
  readonly users: Uint32Array
  readonly earlierEvents: Uint32Array
  readonly timeMs: Float64Array
  readonly logits: Record<Arm, Float32Array>
}

interface Run {
  readonly seed: number
  readonly predictions: Predictions
}

/** The runs as what an experiment is concluded from: the last tenth of the rows is scored. */
function outcomesOf(runs: readonly Run[]): Outcomes {
  const { labels, users, earlierEvents, timeMs } = runs[0].predictions
  const rows = labels.length
  const from = rows - Math.round(rows / 10)
  const places = Uint32Array.from({ length: rows - from }, (_, i) => i)
  const test = {
    users: users.subarray(from),
    items: places.map((place) => place % 11),
    userCount: new Set(users.subarray(from)).size,
    earlierEvents: earlierEvents.subarray(from),
    draws: null,
    chosen: new Set(),
    models: { ranking: { places, labels: labels.subarray(from) } },
  }
  const tenths = Array.from({ length: 10 }, (_, part) => {
    const [fromRow, toRow] = [part, part + 1].map((end) => Math.floor((rows * end) / 10))
    const positives = labels.subarray(fromRow, toRow).reduce((sum, label) => sum + label, 0)
    return { fromRow, toRow, fromMs: timeMs[fromRow], labelled: toRow - fromRow, positives }
  })
  const found = runs.map(({ predictions: { logits } }) => ({
    figures: {},
    columns: Object.fromEntries(
      arms.flatMap((arm) => {
        const losses = Array.from(logits[arm], (z, i) => Math.log1p(Math.exp(labels[i] === 1 ? -z : z)))
        const byTenth = tenths.map(({ fromRow, toRow }) => meanOf(losses.slice(fromRow, toRow)))
        return [
          [setupColumn(arm, 'ranking'), logits[arm].subarray(from)],
          [tenthsColumn(arm), Float32Array.from(byTenth)],
        ]
      }),
    ),
  }))
  const lab = { test, tenths } as unknown as LabLog
  return new Outcomes(
    lab,
    runs.map(({ seed }) => seed),
    new Map([[trafficName, found]]),
  )
}

/** Two seeds over one log whose users, in number and activity, are drawn. */
function draw(seed: number, rows: number, userCount: number): Run[] {
  const random = seededRandom(seed)
  const counts = new Uint32Array(userCount)
  const users = Uint32Array.from({ length: rows }, () => random.nextBelow(userCount))
  const earlierEvents = Uint32Array.from(users, (user) => counts[user]++)
  const labels = Uint8Array.from(users, () => (random.nextFloat() < 0.4 ? 1 : 0))
  const timeMs = Float64Array.from(users, (_, i) => 1e12 + 1000 * i)
  const shared = { labels, users, earlierEvents, timeMs }
  const runs = [11, 12].map((s) => ({
    seed: s,
    predictions: {
      ...shared,
      logits: Object.fromEntries(
        // Coarse logits, so that some tie.
        arms.map((arm, a) => [
          arm,
          Float32Array.from(labels, (y) => Math.round(4 * (random.nextNormal() + y * a * 0.3)) / 4),
        ]),
      ) as Predictions['logits'],
    },
  }))
  return runs
}

function rowsOf({ labels, users, earlierEvents, logits }: Predictions): Row[] {
  return Array.from(labels, (label, i) => ({
    label,
    user: users[i],
    earlier: earlierEvents[i],
    probability: Object.fromEntries(arms.map((arm) => [arm, sigmoid(logits[arm][i])])) as Record<Arm, number>,
  }))
}

test('all figures are those of a naive recomputation', async () => {
  await fuzz(
    (random) => ({ seed: random.nextBelow(1e6), rows: 900 + random.nextBelow(900), users: 3 + random.nextBelow(60) }),
    ({ seed, rows, users }) => {
      const runs = draw(seed, rows, users)
      const scores = scoreArms(outcomesOf(runs))
      const all = runs.map((run) => rowsOf(run.predictions))
      const scored = all.map((seedRows) => seedRows.slice(-Math.round(rows / 10)))
      const over = (figure: (seedRows: Row[]) => number) => meanOf(scored.map(figure))
      /** A row's losses averaged over seeds, summed: relative gains are ratios of these. */
      const lossSum = (arm: Arm, keep: (row: Row) => boolean = () => true) =>
        over((seedRows) => seedRows.filter(keep).reduce((sum, row) => sum + lossOf(row, arm), 0))
      const gain = (base: Arm, arm: Arm, keep?: (row: Row) => boolean) => 1 - lossSum(arm, keep) / lossSum(base, keep)

      expect(scores.rowsScored).toBe(Math.round(rows / 10))
      expect(scores.usersScored).toBe(new Set(scored[0].map(({ user }) => user)).size)
      expect(scores.baseRate).toBeCloseTo(meanOf(scored[0].map(({ label }) => label)), 12)
      for (const arm of arms) {
        expect(scores.ne[arm]).toBeCloseTo(
          over((seedRows) => naiveNe(seedRows, arm)),
          10,
        )
        expect(scores.auc[arm]).toBeCloseTo(
          over((seedRows) => naiveAuc(seedRows, arm)),
          10,
        )
        expect(scores.calibration[arm]).toBeCloseTo(
          over((seedRows) => meanOf(seedRows.map((row) => row.probability[arm]))) / scores.baseRate,
          10,
        )
        expect(scores.neInterval[arm].low).toBeLessThan(scores.ne[arm])
        expect(scores.neInterval[arm].high).toBeGreaterThan(scores.ne[arm])
      }
      expect(scores.neGain.value).toBeCloseTo(gain('without', 'with'), 10)
      expect(scores.gainOverUntrained.value).toBeCloseTo(gain('untrained', 'with'), 10)
      for (const { low, high } of Object.values(scores.otherIntervals.neGain).map((own) => own!)) {
        expect(low).toBeLessThan(scores.neGain.value)
        expect(high).toBeGreaterThan(scores.neGain.value)
      }
      for (const arm of ['flags', 'random', 'untrained', 'features', 'linear'] as const)
        expect(scores.gainOverWithout[arm].value).toBeCloseTo(gain('without', arm), 10)
      expect(scores.gainOverFlags.value).toBeCloseTo(gain('flags', 'with'), 10)
      const baselines = ['without', 'features', 'linear'] as const
      const least = Math.min(...baselines.map((arm) => scores.ne[arm]))
      expect(scores.ne[scores.best.arm]).toBe(least)
      expect(scores.best.gain.value).toBeCloseTo(gain(scores.best.arm, 'with'), 10)
      const won = (keep?: (row: Row) => boolean) => lossSum('without', keep) - lossSum('with', keep)
      if (won() > 0) expect(scores.coldGainShare).toBeCloseTo(won(({ earlier }) => earlier === 0) / won(), 10)
      else expect(scores.coldGainShare).toBeNull()

      const bounds = { '0': [0, 0], '1–2': [1, 2], '3–9': [3, 9], '10+': [10, Number.POSITIVE_INFINITY] }
      for (const bucket of scores.byEarlierEvents) {
        const [least, most] = bounds[bucket.label as keyof typeof bounds]
        const inside = (row: Row) => row.earlier >= least && row.earlier <= most
        expect(bucket.rows).toBe(scored[0].filter(inside).length)
        for (const arm of ['without', 'with'] as const)
          expect(bucket.ne[arm]).toBeCloseTo(
            over((seedRows) => naiveNe(seedRows.filter(inside), arm)),
            10,
          )
        expect(bucket.neGain.value).toBeCloseTo(gain('without', 'with', inside), 10)
        expect(bucket.gainOverFlags.value).toBeCloseTo(gain('flags', 'with', inside), 10)
      }
      const counted = scores.byEarlierEvents.reduce((sum, bucket) => sum + bucket.rows, 0)
      expect(counted).toBeLessThanOrEqual(scores.rowsScored)

      expect(scores.progressive.map(({ fromRow }) => fromRow)).toEqual(
        Array.from({ length: 10 }, (_, tenth) => Math.floor((rows * tenth) / 10)),
      )
      for (const { fromRow, toRow, fromTimeMs, ne } of scores.progressive) {
        expect(fromTimeMs).toBe(1e12 + 1000 * fromRow)
        for (const arm of arms)
          expect(ne[arm]).toBeCloseTo(meanOf(all.map((seedRows) => naiveNe(seedRows.slice(fromRow, toRow), arm))), 6)
      }

      for (const [s, { seed: number, ne, neGain, gainOverUntrained }] of scores.bySeed.entries()) {
        expect(number).toBe(runs[s].seed)
        for (const arm of arms) expect(ne[arm]).toBeCloseTo(naiveNe(scored[s], arm), 10)
        expect(neGain).toBeCloseTo(1 - naiveNe(scored[s], 'with') / naiveNe(scored[s], 'without'), 10)
        expect(gainOverUntrained).toBeCloseTo(1 - naiveNe(scored[s], 'with') / naiveNe(scored[s], 'untrained'), 10)
      }
      const [one, two] = scored.map((seedRows) => naiveAuc(seedRows, 'with'))
      expect(scores.seedSd!.auc.with).toBeCloseTo(Math.abs(one - two) / Math.SQRT2, 10)
    },
    { runs: 5 },
  )
})

describe('parts of a log with one class', () => {
  test('are left out of the buckets and the tenths', () => {
    const [run] = draw(1, 1000, 20)
    const { labels, earlierEvents } = run.predictions
    labels.fill(1, 300, 400)
    earlierEvents.fill(50, 900)
    earlierEvents.fill(0, 900, 910)
    labels.fill(0, 900, 910)
    const scores = scoreArms(outcomesOf([run]))
    expect(scores.byEarlierEvents.map(({ label, rows }) => [label, rows])).toEqual([['10+', 90]])
    expect(scores.progressive.map(({ fromRow }) => fromRow)).toEqual([0, 100, 200, 400, 500, 600, 700, 800, 900])
    expect(scores.seedSd).toBeNull()
  })

  test('are an error where they are all that is scored', () => {
    const [run] = draw(1, 1000, 20)
    run.predictions.labels.fill(1, 900)
    expect(() => scoreArms(outcomesOf([run]))).toThrow('normalized entropy needs rows of both classes')
  })
})
