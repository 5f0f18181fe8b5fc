/** What becomes of a downstream model that is never retrained while snapshots go on. */
import { normalizedEntropyBootstrap, pairedClusterBootstrap } from '@headwater/statistics'
import { bootstrap } from '../../lab/analysis/figures.ts'
import type { Outcomes } from '../../lab/analysis/outcomes.ts'
import { seedMean } from '../../lab/analysis/outcomes.ts'
import { latestAlone, type Setup, setupColumn } from '../../lab/arms/downstream-arm.ts'
import type { LabLog } from '../../lab/log/lab-log.ts'
import type { UpstreamPlan } from '../../lab/upstream/upstream.ts'
import type { Findings, Interval } from '../../report/findings.ts'
import { formatNe } from '../../report/format.ts'
import { curveChart, curvePoint, neAxis } from '../charts.ts'
import { anyLagMs } from '../common-arms.ts'

type Start = UpstreamPlan['start']
/** `kept`: the towers that the model was trained by, lined up, and none that came later. */
type Source = 'raw' | 'tower' | 'kept'
export const heldSources = ['raw', 'tower', 'kept'] as const

/** Snapshots from new weights lie in other coordinates each time; a quick run leaves them to the experiment `drift`. */
export const heldStarts = ({ quick }: LabLog): readonly Start[] => (quick ? ['warm'] : ['warm', 'scratch'])

const sourceTitles = { raw: 'raw', tower: 'aligned', kept: 'no new snapshot' } as const

export const heldTitle = (start: Start, source: Source) =>
  `never retrained, snapshots ${start === 'warm' ? 'warm' : 'from scratch'}, ${sourceTitles[source]}`

const held: Setup = { ...latestAlone, name: 'latest', deployment: { kind: 'once' } }
const average3: Setup = { ...held, name: 'average-3', averaging: { weights: [1, 1, 1], maxLagMs: anyLagMs } }

/** What is read of a source's snapshots; the aligned ones also by a model that goes on being trained. */
export function heldSetups(source: Source): readonly Setup[] {
  if (source === 'kept') return [held]
  return source === 'raw' ? [held, average3] : [held, average3, { ...latestAlone, name: 'retrained' }]
}

interface Line {
  readonly title: string
  readonly source: Source
  readonly setup: string
}

const retrained: Line = { title: 'aligned, retrained all the time', source: 'tower', setup: 'retrained' }

const lines = heldSources.flatMap((source) =>
  heldSetups(source).map(({ name: setup }): Line => {
    if (setup === 'retrained') return retrained
    const title = source === 'kept' ? sourceTitles.kept : `${sourceTitles[source]}, ${setup}`
    return { title, source, setup }
  }),
)

/** Log losses of a line's rows, averaged over the seeds. */
function lossesOf(outcomes: Outcomes, start: Start, { source, setup }: Line): Float64Array {
  const arms = outcomes.ofArm(`held-${start}-${source}`)
  return seedMean(
    arms.map(({ columns }) => columns[setupColumn(setup, 'sparse')]),
    arms[0].columns.label,
  )
}

interface Point {
  /** Of the publication, from 0. */
  readonly number: number
  readonly ne: Interval
  /** Of the same rows, in NE relative to the line that is retrained. */
  readonly loss: Interval
}

/** Of a line's rows behind each publication, in order. */
function byPublication(outcomes: Outcomes, start: Start, line: Line): Point[] {
  const [{ columns }] = outcomes.ofArm(`held-${start}-${line.source}`)
  const losses = lossesOf(outcomes, start, line)
  const reference = lossesOf(outcomes, start, retrained)
  const numbers = [...new Set(columns.publication)].sort((a, b) => a - b)
  return numbers.map((number) => {
    const places = [...columns.publication.keys()].filter((i) => columns.publication[i] === number)
    const take = (values: ArrayLike<number>) => Float64Array.from(places, (i) => values[i])
    const clusters = Uint32Array.from(take(columns.user))
    const own = take(losses)
    const ne = normalizedEntropyBootstrap({ clusters, losses: own, labels: take(columns.label), ...bootstrap })
    // The gain of the line over the retrained one, turned round.
    const gain = pairedClusterBootstrap({ clusters, lossA: take(reference), lossB: own, ...bootstrap })
    return { number, ne, loss: { value: -gain.value, low: -gain.high, high: -gain.low } }
  })
}

export function heldFindings(outcomes: Outcomes): Pick<Findings, 'verdict' | 'charts' | 'tables'> {
  const found = heldStarts(outcomes.lab).map((start) => ({
    trained: start === 'warm' ? 'warm' : 'from scratch',
    series: lines.map((line) => ({ line, points: byPublication(outcomes, start, line) })),
  }))
  type Found = (typeof found)[number]
  const toldOf = ({ series, trained }: Found) => {
    const last = (title: string) => {
      const { points } = series.find(({ line }) => line.title === title)!
      return formatNe(points[points.length - 1].ne.value)
    }
    return `${last('raw, latest')} on raw vectors, ${last('raw, average-3')} on raw averages, ${last('aligned, latest')} on aligned vectors and ${last('aligned, average-3')} on aligned averages where snapshots are trained ${trained} (${last('no new snapshot')} without new ones; retrained: ${last('aligned, retrained all the time')})`
  }
  const curves = (shown: Found['series'], of: 'ne' | 'loss') =>
    shown.map(({ line, points }) => ({
      name: line.title,
      points: points.map((own) => curvePoint(`publication ${own.number + 1}`, own.number + 1, own[of])),
    }))
  const x = { label: 'publication' }
  return {
    verdict: `Behind the last snapshot a sparse model that was never retrained since the middle one is at NE ${found.map(toldOf).join('; at ')}`,
    charts: found.flatMap(({ trained, series }) => [
      curveChart(
        `NE of a model that is never retrained, snapshots ${trained}`,
        'Of the sparse model’s rows between a publication and the next. It was trained until the first of these. Intervals are of the sample of users.',
        x,
        neAxis,
        curves(series, 'ne'),
      ),
      curveChart(
        `What is lost without retraining, snapshots ${trained}`,
        'The same, relative to the model that goes on being trained, row by row, so that intervals are of the difference.',
        x,
        { label: 'loss in normalized entropy, % · ↓ better', percent: true },
        curves(
          series.filter(({ line }) => line !== retrained),
          'loss',
        ),
      ),
    ]),
    tables: found.map(({ trained, series }) => ({
      title: `NE of a model that is never retrained, by publication, snapshots ${trained}`,
      head: ['served', ...series[0].points.map(({ number }) => String(number + 1))],
      rows: series.map(({ line, points }) => [line.title, ...points.map(({ ne }) => formatNe(ne.value))]),
    })),
  }
}
