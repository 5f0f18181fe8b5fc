/** Logs made so that what counts is known, and the main job on them with a tower that is trained in seconds. */
import type { LogEvent, Schema } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { defaultRanking } from '../downstream/ranking-settings.ts'
import type { Interval } from '../report/findings.ts'
import type { MainJobResult } from '../report/main-job/result.ts'
import { runMainJob } from '../run/run-main-job.ts'
import { silent, smallSettings } from './small-job.ts'
import { memoryLog, minuteMs } from './small-log.ts'

const users = 200
const items = 24
const genres = ['a', 'b', 'c', 'd']

const schema: Schema = {
  version: 1,
  name: 'planted',
  user: 'user',
  item: 'item',
  time: { column: 'time', unit: 'ms' },
  fields: [
    { name: 'genre', of: 'item', type: 'ids', buckets: 8, values: genres },
    { name: 'click', of: 'outcome', type: 'float' },
  ],
  tasks: [{ name: 'click', field: 'click', atLeast: 1 }],
  aggregations: [
    { name: 'item-mean', of: 'item', kind: 'mean', value: 'click', prior: 0.5 },
    { name: 'user-mean', of: 'user', kind: 'mean', value: 'click', prior: 0.5 },
    { name: 'residual', of: 'user', kind: 'residual', value: 'click' },
    { name: 'residual-by-genre', of: 'user', kind: 'residual', value: 'click', by: 'genre' },
    { name: 'count', of: 'user', kind: 'count' },
  ],
  sequence: { length: 32, value: 'click', buckets: 128, center: 0.5, scale: 0.5, halfLivesDays: [30] },
  itemBuckets: 128,
  userBuckets: 1024,
}

const { dropout: _, ...config } = smallSettings.config
const settings = {
  ...smallSettings,
  config: {
    ...config,
    // What a user did with each item, summed: an item's vector is learnt.
    user: { ...config.user, tokens: [{ kind: 'dense', tokens: 2 } as const, { kind: 'events', sums: true } as const] },
  },
  training: {
    ...smallSettings.training,
    firstEpochs: 6,
    firstRates: { dense: 5e-3, tables: 0.1, weightDecay: 0 },
    roundRates: { dense: 1e-3, tables: 0.05, weightDecay: 0 },
  },
  firstShare: 0.4,
  snapshots: 3,
  testShare: 0.35,
  // So short a log wants to be learnt from fast, and not by heart.
  ranking: { ...defaultRanking, rates: { ...defaultRanking.rates, dense: 5e-3, tables: 0.05 } },
}

/** What is hidden of users and items: a number, and one of two sides. */
const random = seededRandom(17)
const hidden = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ level: random.nextNormal(), side: i % 3 === 0 ? 1 : -1 }))
const [ofUsers, ofItems] = [hidden(users), hidden(items)]

/** What a user and an item are like. */
type Hidden = (typeof ofUsers)[number]

/** What clicks follow. */
export const plantedLogits = {
  hiddenFactors: (user: Hidden, item: Hidden) => 2.5 * user.side * item.side,
  sum: (user: Hidden, item: Hidden) => 1.2 * user.level + item.level,
  item: (_: Hidden, item: Hidden) => 1.5 * item.level,
  nothing: () => -1,
}

export const isGain = ({ low }: Interval): boolean => low > 0

/** Clicks that follow a logit of who meets what; everybody meets everything, by chance. */
function planted(rows: number, logit: (user: Hidden, item: Hidden) => number): LogEvent[] {
  const coin = seededRandom(23)
  return Array.from({ length: rows }, (_, row) => {
    const [user, item] = [coin.nextBelow(users), coin.nextBelow(items)]
    const click = coin.nextFloat() < 1 / (1 + Math.exp(-logit(ofUsers[user], ofItems[item])))
    return {
      row,
      user: `u${user}`,
      item: `i${item}`,
      timeMs: Date.UTC(2024, 0, 1) + row * minuteMs,
      values: [[genres[item % genres.length]], Number(click)],
    }
  })
}

/** The main job on such a log. */
export async function plantedJob(
  device: GpuDevice,
  directory: string,
  rows: number,
  logit: Parameters<typeof planted>[1],
): Promise<MainJobResult> {
  return runMainJob({
    device,
    log: memoryLog(schema, planted(rows, logit)),
    source: 'a test',
    directory,
    seeds: [1],
    settings,
    serving: settings,
    stages: silent,
    about: { version: '0.0.0', commit: null, command: 'headwater run', startedAt: '2024-01-01T00:00:00.000Z' },
  })
}
