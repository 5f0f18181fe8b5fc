/** The log served as live traffic by the store and the pooling, and what downstream models make of the served log. */
import { mkdirSync } from 'node:fs'
import { readSnapshot } from '@headwater/snapshot'
import { logLossesOfLogits, mean } from '@headwater/statistics'
import {
  evaluateServed,
  givenFeatures,
  nothing,
  type ServedChoice,
  servedVector,
} from '../../downstream/evaluate-served.ts'
import { linearPredictions } from '../../downstream/linear/linear-run.ts'
import type { RankingSettings } from '../../downstream/ranking-settings.ts'
import { towerFeatures } from '../../replay/embedding-source.ts'
import { servedModels, serveLiveTraffic, type TrafficSettings } from '../../replay/live-traffic.ts'
import { servedBlocks, servedRows } from '../../replay/served-log.ts'
import { measureByWallClock } from '../../replay/wall-clock.ts'
import { specOf } from '../log/lab-log.ts'
import { type Arm, armOf, floatColumns } from './arm.ts'
import { ranksName, setupColumn } from './downstream-arm.ts'

export interface TrafficArmPlan extends Pick<TrafficSettings, 'pooling' | 'panelUsers'> {
  readonly name: string
  readonly title: string
  readonly seed: number
  /** Reads and events of the wall-clock phase. */
  readonly timedReads: number
  readonly timedEvents: number
  /** Of the downstream models. Absent: the usual ones. */
  readonly ranking?: RankingSettings
}

/**
 * Downstream models that differ only in what they are given of a user.
 * @param dim of a served vector @param features of a user's features
 */
const choices = (dim: number, features: number): ServedChoice[] => [
  { name: 'without', ...nothing },
  { name: 'with', ...servedVector(dim, ([sum]) => ({ vector: sum.pooled, about: sum })) },
  { name: 'flags', ...servedVector(0, ([sum]) => ({ vector: noNumbers, about: sum })) },
  { name: 'random', ...servedVector(dim, ([, , random]) => ({ vector: random.pooled, about: random })) },
  { name: 'untrained', ...servedVector(dim, ([, untrained]) => ({ vector: untrained.pooled, about: untrained })) },
  { name: 'features', ...givenFeatures(features) },
]

const noNumbers = new Float32Array(0)

export const driftMeasures = ['residual', 'centredCosine', 'varianceKept', 'effectiveRank'] as const

/** Column of the mean log losses of a choice's model by tenth of the log [10]. */
export const tenthsColumn = (choice: string): string => `${choice} tenths`

/** Column of the ranks that how often each item was taken gives by itself. */
export const popularityRanks = 'popularity ranks'

/** Figure: wall-clock seconds of a choice's model. */
export const secondsName = (choice: string): string => `seconds ${choice}`

/**
 * A setup is a choice of what the ranking model is given, or `linear`, the linear model in its place; `tenthsColumn` has its
 * losses along the log. Columns `snapshotRows`;
 * `drift NAME` of `driftMeasures`, `driftFrom`, `driftTo`, `driftUsers` and `driftOpensFrame` by round; `readUs` and `freshnessMs` by
 * `wallClockPercents`. All but the clock's figures are the same again for the same seed.
 */
export function trafficArm(plan: TrafficArmPlan): Arm {
  const { seed } = plan
  return armOf('traffic', plan, async ({ device, lab, stages, signal, directory }) => {
    const { log, space, settings, test, tenths, publicationRows } = lab
    mkdirSync(directory, { recursive: true })
    const job = { device, space, log, directory, publicationRows, seed, stages, signal }
    const traffic = await serveLiveTraffic({ ...job, settings: { ...settings, ...plan } })
    const measured = await measureByWallClock({ device, space, traffic, settings: plan, stages, signal })
    stages.begin('linear', log.rows)
    const startedMs = performance.now()
    const linear = await linearPredictions(log, signal, (rows) => stages.advance(rows), test.chosen)
    const linearSeconds = (performance.now() - startedMs) / 1000
    stages.end()
    stages.begin('downstream', log.rows)
    const { embeddings } = settings.config
    /** Of the rows whose label is known. */
    const rows: number[] = []
    const labels: number[] = []
    const features = towerFeatures((await readSnapshot(traffic.untrainedDirectory)).matrices)
    const blocks = servedBlocks(space, log, servedRows(traffic.servedLog, servedModels), {
      features,
      signal,
      chosen: test.chosen,
    })
    const given = await evaluateServed(blocks, {
      device,
      space,
      spec: specOf(lab, 'ranking'),
      choices: choices(embeddings.count * embeddings.width, space.user.dense.length),
      seed,
      ...(plan.ranking && { ranking: plan.ranking }),
      onBlock: ({ events }) => {
        for (const event of events) {
          const label = space.rankedLabel(event)
          if (label === null) continue
          rows.push(event.row)
          labels.push(label)
        }
        stages.advance(events[events.length - 1].row + 1)
      },
    })
    const linearLogits = Float32Array.from(rows, (row) => linear.logits[row])
    const all = Object.entries({
      ...given,
      linear: { logits: linearLogits, ranks: linear.ranks, seconds: linearSeconds },
    })
    const placeFrom = (row: number) => {
      const place = rows.findIndex((own) => own >= row)
      return place < 0 ? rows.length : place
    }
    const spans = tenths.map(({ fromRow, toRow }) => [placeFrom(fromRow), placeFrom(toRow)])
    const scoredFrom = placeFrom(test.fromRow)
    const ofChoices = all.flatMap(([choice, { logits: own, ranks }]) => {
      const losses = logLossesOfLogits(own, labels)
      const byTenth = spans.map(([from, to]) => (from < to ? mean(losses.subarray(from, to)) : Number.NaN))
      return [
        [setupColumn(choice, 'ranking'), own.slice(scoredFrom)] as const,
        [tenthsColumn(choice), byTenth] as const,
        [setupColumn(choice, ranksName('ranking')), ranks] as const,
      ]
    })
    stages.end()
    const { drift, snapshotRows } = traffic
    const { readUs, freshnessMs } = measured
    return {
      columns: floatColumns({
        ...Object.fromEntries(ofChoices),
        [popularityRanks]: linear.popularityRanks,
        snapshotRows,
        driftFrom: drift.map(({ fromSnapshot }) => fromSnapshot),
        driftTo: drift.map(({ toSnapshot }) => toSnapshot),
        driftUsers: drift.map(({ users }) => users),
        driftOpensFrame: drift.map(({ opensFrame }) => Number(opensFrame)),
        ...Object.fromEntries(driftMeasures.map((name) => [`drift ${name}`, drift.map((round) => round[name])])),
        readUs,
        freshnessMs,
      }),
      figures: {
        hitRate: traffic.hitRate,
        vectorsChecked: traffic.vectorsChecked,
        kernelShare: traffic.kernelShare,
        towerParameters: traffic.towerParameters,
        timedReads: measured.reads,
        timedEvents: plan.timedEvents,
        ...Object.fromEntries(all.map(([choice, { seconds }]) => [secondsName(choice), seconds])),
        linearColumns: linear.columns.length,
        ...(linear.fit && { linearRank: linear.fit.rank, linearIsSeparable: Number(linear.fit.isSeparable) }),
      },
      warnings: traffic.held.map(
        ({ snapshot, reasons }) =>
          `Seed ${seed}: snapshot ${snapshot} was held, traffic went on with the one before. ${reasons.join(' ')}`,
      ),
    }
  })
}
