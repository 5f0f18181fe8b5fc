/** What each minute of delay costs. */
import { compare, scoreArm } from '../lab/analysis/figures.ts'
import type { Outcomes } from '../lab/analysis/outcomes.ts'
import { headArm } from '../lab/arms/head-arm.ts'
import type { Experiment } from '../lab/experiment.ts'
import type { ArmScore, Findings } from '../report/findings.ts'
import { formatAge, formatFixed, formatGain, formatGainInterval, formatNe } from '../report/format.ts'
import { tableOf } from '../report/table.ts'
import { curveChart, curvePoint, neAxis } from './charts.ts'
import { servedArm, standardUpstream } from './common-arms.ts'

const minuteMs = 60_000

const delays = [
  { name: '1s', title: '1 s', ms: 1000 },
  { name: '1min', title: '1 min', ms: minuteMs },
  { name: '10min', title: '10 min', ms: 10 * minuteMs },
  { name: '1h', title: '1 h', ms: 60 * minuteMs },
  { name: '6h', title: '6 h', ms: 360 * minuteMs },
  { name: '24h', title: '24 h', ms: 1440 * minuteMs },
] as const
type Delay = (typeof delays)[number]

const armOf = (name: string) => `delay-${name}`
const headOf = (name: string) => `head-delay-${name}`

export const freshness: Experiment = {
  name: 'freshness',
  question: 'What does each minute of a refresh’s delay cost?',
  measure:
    'Loss in normalized entropy of the sparse model and of the upstream’s own head, refreshed on events with delays from a second to a day, against a second.',
  rule: 'Delay costs where a day’s loses to a second’s, the interval of the head’s loss above 0.',
  models: () => ['sparse'],
  arms: (lab, seed) =>
    delays.flatMap(({ name, title, ms }) => {
      const policy = { kind: 'asynchronous', refreshDelayMs: ms } as const
      return [
        servedArm(lab, seed, {
          name: armOf(name),
          title: `refresh after ${title}`,
          source: 'tower',
          models: ['sparse'],
          policy,
        }),
        headArm(seed, standardUpstream(seed), {
          name: headOf(name),
          title: `upstream's own head, refresh after ${title}`,
          policy,
          frozen: false,
        }),
      ]
    }),
  conclude,
}

function conclude(outcomes: Outcomes): Findings {
  const [first, ...later] = delays
  const ofSparse = ({ name }: Delay) => scoreArm(outcomes, armOf(name), 'sparse')
  const ofHead = ({ name }: Delay) => scoreArm(outcomes, headOf(name), 'head')
  const comparisons = later.flatMap(({ name }) => [
    compare(outcomes, 'sparse', armOf(first.name), armOf(name))!,
    compare(outcomes, 'head', headOf(first.name), headOf(name))!,
  ])
  const [day, hour] = ['24h', '1h'].map((name) => comparisons.find(({ over }) => over === headOf(name))!)
  /** Of the part of the curve from one delay to the next. */
  const perMinute = (to: Delay, i: number, scoreOf: (delay: Delay) => ArmScore) => {
    const from = delays[i]
    const cost = (scoreOf(to).ne.value - scoreOf(from).ne.value) / ((to.ms - from.ms) / minuteMs)
    return formatFixed(cost * 1e6, 2)
  }
  const points = (scoreOf: (delay: Delay) => ArmScore) =>
    delays.map((delay) => curvePoint(delay.title, delay.ms / minuteMs, scoreOf(delay).ne))
  return {
    holds: day.gain.low > 0,
    verdict: `By the upstream's own head a second's delay gains ${formatGainInterval(day.gain)} over a day's and ${formatGain(hour.gain.value)} over an hour's.`,
    scores: delays.flatMap((delay) => [ofSparse(delay), ofHead(delay)]),
    comparisons,
    gapShares: [],
    charts: [
      curveChart(
        'NE against the refresh’s delay',
        'Delay from an event to the moment when its refresh can be read, on a log scale.',
        { label: 'delay, minutes, log scale', log: true },
        neAxis,
        [
          { name: 'upstream’s own head', points: points(ofHead) },
          { name: 'sparse model', points: points(ofSparse) },
        ],
      ),
    ],
    tables: [
      tableOf('What delay costs', delays, [
        ['delay', ({ title }) => title],
        ['NE, own head', (delay) => formatNe(ofHead(delay).ne.value)],
        ['NE, sparse model', (delay) => formatNe(ofSparse(delay).ne.value)],
        ['mean age of what is served', ({ name }) => formatAge(outcomes.figure(armOf(name), 'meanAgeMs'))],
      ]),
      tableOf('Cost of a minute, × 10⁻⁶ of NE', later, [
        ['between delays of', ({ title }, i) => `${delays[i].title} to ${title}`],
        ['own head', (delay, i) => perMinute(delay, i, ofHead)],
        ['sparse model', (delay, i) => perMinute(delay, i, ofSparse)],
      ]),
    ],
  }
}
