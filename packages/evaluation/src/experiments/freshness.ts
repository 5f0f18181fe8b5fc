/** What each minute of delay costs. */
import { formatAge } from '../lab/analysis/age.ts'
import { compare, scoreArm } from '../lab/analysis/figures.ts'
import type { Outcomes } from '../lab/analysis/outcomes.ts'
import { headArm } from '../lab/arms/head-arm.ts'
import type { Experiment } from '../lab/experiment.ts'
import type { Findings } from '../report/findings.ts'
import { formatFixed, formatGain, formatGainInterval, formatNe } from '../report/format.ts'
import { curvePoint, neAxis } from './charts.ts'
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

const armOf = (name: string) => `delay-${name}`
const headOf = (name: string) => `head-delay-${name}`

export const freshness: Experiment = {
  name: 'freshness',
  question: 'What does each minute cost by which an event’s refresh lands later?',
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
        headArm({
          name: headOf(name),
          title: `upstream's own head, refresh after ${title}`,
          seed,
          policy,
          frozen: false,
          upstream: standardUpstream(seed),
        }),
      ]
    }),
  conclude,
}

function conclude(outcomes: Outcomes): Findings {
  const [first, ...later] = delays
  const scores = delays.flatMap(({ name }) => [
    scoreArm(outcomes, armOf(name), 'sparse'),
    scoreArm(outcomes, headOf(name), 'head'),
  ])
  const comparisons = later.flatMap(({ name }) => [
    compare(outcomes, 'sparse', armOf(first.name), armOf(name))!,
    compare(outcomes, 'head', headOf(first.name), headOf(name))!,
  ])
  const day = comparisons.find(({ over }) => over === headOf('24h'))!
  const hour = comparisons.find(({ over }) => over === headOf('1h'))!
  const ne = (arm: string) => scores.find((score) => score.arm === arm)!.ne
  // Of the steepest part of the curve that is measured: from one delay to the next.
  const perMinute = delays.slice(1).map(({ name, ms }, i) => {
    const before = delays[i]
    const cost = (of: (name: string) => string) =>
      (ne(of(name)).value - ne(of(before.name)).value) / ((ms - before.ms) / minuteMs)
    return { label: `${before.title} to ${delays[i + 1].title}`, head: cost(headOf), sparse: cost(armOf) }
  })
  const holds = day.gain.low > 0
  return {
    holds,
    verdict: `By the upstream's own head a second's delay gains ${formatGainInterval(day.gain)} over a day's and ${formatGain(hour.gain.value)} over an hour's.`,
    scores,
    comparisons,
    gapShares: [],
    charts: [
      {
        title: 'NE against the refresh’s delay',
        caption: 'Delay from an event to the moment when its refresh can be read, on a log scale.',
        kind: 'curve',
        x: { label: 'delay, minutes, log scale', log: true },
        y: neAxis,
        series: [
          { name: 'upstream’s own head', points: points(outcomes, headOf, 'head') },
          { name: 'sparse model', points: points(outcomes, armOf, 'sparse') },
        ],
      },
    ],
    tables: [
      {
        title: 'What delay costs',
        head: ['delay', 'NE, own head', 'NE, sparse model', 'mean age of what is served'],
        rows: delays.map(({ name, title }) => [
          title,
          formatNe(ne(headOf(name)).value),
          formatNe(ne(armOf(name)).value),
          formatAge(outcomes.figure(armOf(name), 'meanAgeMs')),
        ]),
      },
      {
        title: 'Cost of a minute, × 10⁻⁶ of NE',
        head: ['between delays of', 'own head', 'sparse model'],
        rows: perMinute.map(({ label, head, sparse }) => [
          label,
          formatFixed(head * 1e6, 2),
          formatFixed(sparse * 1e6, 2),
        ]),
      },
    ],
  }
}

function points(outcomes: Outcomes, armOfDelay: (name: string) => string, model: 'head' | 'sparse') {
  return delays.map(({ name, title, ms }) =>
    curvePoint(title, ms / minuteMs, scoreArm(outcomes, armOfDelay(name), model).ne),
  )
}
