import type { Aggregation, Field, Schema, SequenceFeature, Task } from '@headwater/features'
import { LogError } from '../../log/log-error.ts'
import type { FieldRole, Roles } from '../roles/find-roles.ts'
import { halfLives, roundTo } from './half-lives.ts'
import type { LogMeasures, OutcomeMeasures } from './measures.ts'

/** One thing that is proposed, and why. */
export interface Reason {
  readonly what: string
  readonly why: string
}

export interface Proposal {
  readonly schema: Schema
  readonly reasons: readonly Reason[]
}

/** Roles in which user, item and time are known. */
export interface KnownRoles extends Roles {
  readonly user: string
  readonly item: string
  readonly time: NonNullable<Roles['time']>
}

/** How the files are read, where their extension does not tell. */
export interface FileForm {
  readonly name: string
  readonly delimiter?: string
  readonly columns?: readonly string[]
}

const dayMs = 86_400_000
const mostTasks = 5
/** Of a task's label: less and there is little to learn from. */
const fewestOfClass = 0.1
/** An item's mean is trusted after this many events, a user's after fewer: an item's events are of many users. */
const itemShrinkage = 5
const userShrinkage = 3
/** Categories by which each user has statistics: each is as many inputs. */
const mostBy = 2
const reserved = ['known', 'user', 'item', 'hour', 'weekday', 'sequence']

/** Draws a row of a log without an outcome, and the longest that an item is live. */
const draws = 4
const mostWindowDays = 30

/**
 * A schema of what a log is and of how it goes, with the reason for each part of it. Of a log without an outcome each row is
 * something that was taken: the schema draws what was not. @throws LogError where the outcome is one
 */
export function proposeSchema(roles: KnownRoles, measures: LogMeasures, form: FileForm): Proposal {
  const reasons: Reason[] = []
  const because = (what: string, why: string) => reasons.push({ what, why })
  const names = namesOf(roles.fields)
  const described = roles.fields.filter(({ of }) => of !== null)
  const own = described.map((role) => fieldOf(role, names.get(role.column)!, measures, because))
  const made = roles.outcome === null ? freeName('taken', new Set(own.map(({ name }) => name))) : null
  const fields: Field[] = made === null ? own : [...own, { name: made, of: 'outcome', type: 'float' }]
  const value = made ?? names.get(roles.outcome!)!
  const outcome = made === null ? measures.outcomes.get(roles.outcome!)! : ofTaken
  const tasks = tasksOf(value, outcome, made === null ? because : () => {})
  const days = (measures.lastMs - measures.firstMs) / dayMs
  const windowDays = roundTo(Math.min(mostWindowDays, Math.max(days / 4, 1 / 24)), 2)
  if (made !== null) {
    because(`task ${made}`, 'the log has no outcome: each row is something that was taken (implicit feedback)')
    because(
      `negatives: ${draws} a row, of ${windowDays} days`,
      'what was not taken is drawn from what others took in the days before, by how often; a quarter of the log’s span, 30 days at most',
    )
  }
  if (tasks.length === 0)
    throw new LogError('has one value in the first 72 % of rows', 'choose another outcome', { field: roles.outcome! })
  for (const { column, of, type } of described) {
    const own = measures.outcomes.get(column)
    if (column === roles.outcome || of !== 'outcome' || type !== 'float' || !own || tasks.length >= mostTasks) continue
    const [task] = tasksOf(names.get(column)!, own, () => {})
    if (task === undefined) continue
    tasks.push({ ...task, weight: 0.5 })
    because(`task ${task.name}`, 'another outcome: what it teaches helps the first task, at half its weight')
  }
  const by = fields.filter(({ of, type, values }) => of === 'item' && type === 'ids' && values).slice(0, mostBy)
  const aggregations =
    made === null
      ? aggregationsOf(value, outcome, tasks, by, measures, because)
      : countsOf(by, halfLives(measures).days)
  const calendar = [
    ...(measures.hasHours && days >= 2 ? (['hour'] as const) : []),
    ...(days >= 14 ? (['weekday'] as const) : []),
  ]
  if (calendar.length > 0) because(`calendar ${calendar.join(', ')}`, `the log spans ${roundTo(days, 3)} days`)
  const itemBuckets = bucketsOf(measures.items, 1.2, 1024)
  const userBuckets = bucketsOf(measures.users, 1.2, 1024)
  because(`itemBuckets ${itemBuckets}`, `${measures.items.toLocaleString('en')} items, few of which then share a row`)
  because(`userBuckets ${userBuckets}`, `${measures.users.toLocaleString('en')} users`)
  const { user, item, time } = roles
  const { name, delimiter, columns } = form
  const schema: Schema = {
    ...{ version: 1, name, user, item, time },
    ...(delimiter !== undefined && { delimiter }),
    ...(columns !== undefined && { columns }),
    ...{ fields, tasks, aggregations },
    sequence: sequenceOf(value, outcome, itemBuckets, measures, because),
    ...{ itemBuckets, userBuckets },
    ...(calendar.length > 0 && { calendar }),
    ...(made !== null && { negatives: { outcome: made, items: draws, windowDays } }),
  }
  return { schema, reasons }
}

/** Of the outcome that negatives make, as the tower sees it: it is 1 in every event. */
const ofTaken: OutcomeMeasures = {
  ...{ mean: 1, deviation: 0, isBinary: true },
  levels: [
    { atLeast: 0, rate: 1 },
    { atLeast: 1, rate: 1 / (1 + draws) },
  ],
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  return taken.has(name) ? freeName(`${name}_`, taken) : name
}

type Because = (what: string, why: string) => void

/** Names that a schema may have, by column. None has a hyphen, as those of statistics do. */
function namesOf(fields: readonly FieldRole[]): Map<string, string> {
  const taken = new Set(reserved)
  return new Map(
    fields.map(({ column }) => {
      const plain = column.replace(/[^A-Za-z0-9_]+/g, '_').slice(0, 32)
      const start = /^[A-Za-z_]/.test(plain) ? plain : `c_${plain}`
      let name = start
      for (let i = 2; taken.has(name); i++) name = `${start}_${i}`
      taken.add(name)
      return [column, name]
    }),
  )
}

function fieldOf(role: FieldRole, name: string, measures: LogMeasures, because: Because): Field {
  const { column, type, separator, size } = role
  const of = role.of!
  const field = { name, ...(name !== column && { column }), of, type }
  if (type === 'float') {
    if (of === 'outcome') return field
    const { median, spread } = measures.numbers.get(column)!
    const [center, scale] = [roundTo(median, 2), spread > 0 ? roundTo(spread / 2, 2) : 1]
    because(
      `${name}: center ${center}, scale ${scale}`,
      'its median, and half of what lies between its first and last decile',
    )
    return { ...field, center, scale }
  }
  if (type === 'vector') return { ...field, size: size! }
  const { values, longest, distinct } = measures.categories.get(column)!
  const buckets = bucketsOf(distinct, 2, 16)
  // An item's category is written as a list of one, as statistics by category want.
  const isClosed = of === 'item' && values.length > 1 && values.length <= 32 && distinct <= 1000
  if (type === 'id' && !(isClosed && distinct <= values.length)) return { ...field, buckets }
  if (isClosed)
    because(
      `${name}: ${values.length} values`,
      'those that are in one row of 200 or more have a statistic of their own',
    )
  return {
    ...field,
    type: 'ids',
    ...(separator !== undefined && { separator }),
    maxValues: type === 'id' ? 1 : Math.min(16, Math.max(1, longest)),
    buckets,
    ...(isClosed && { values }),
  }
}

/** A power of two that has room for as many. */
function bucketsOf(distinct: number, room: number, least: number): number {
  return Math.min(2 ** 24, Math.max(least, 2 ** Math.ceil(Math.log2(Math.max(1, distinct * room)))))
}

/** The first task parts the outcome where it is nearest to a half: there a label tells most. */
function tasksOf(field: string, { levels, isBinary }: OutcomeMeasures, because: Because): Task[] {
  if (isBinary) {
    because(`task ${field}`, `"${field}" is 0 or 1; it is 1 in ${percent(levels[1].rate)} of rows`)
    return [{ name: field, field, atLeast: 1 }]
  }
  const parted = levels.slice(1).map(({ atLeast, rate }, i) => ({
    // At least 1 is for 0 and 1 alone.
    atLeast: atLeast === 1 ? roundTo((levels[i].atLeast + 1) / 2, 6) : atLeast,
    rate,
  }))
  const balanced = [...parted].sort((a, b) => Math.abs(a.rate - 0.5) - Math.abs(b.rate - 0.5))
  const [first, ...others] = balanced
  if (first === undefined) return []
  const taken = [first, ...others.filter(({ rate }) => rate >= fewestOfClass && rate <= 1 - fewestOfClass)].slice(
    0,
    mostTasks,
  )
  return taken.map(({ atLeast, rate }, i) => {
    const name = `${field}-${nameOf(atLeast)}`
    because(
      `task ${name}`,
      i === 0
        ? `of all thresholds the one that parts rows most evenly: ${percent(rate)} have at least ${atLeast}`
        : `${percent(rate)} have at least ${atLeast}: tells how far an outcome is from the first threshold`,
    )
    return { name, field, atLeast }
  })
}

const percent = (share: number) => `${roundTo(100 * share, 3)} %`

function aggregationsOf(
  value: string,
  { mean, isBinary, levels }: OutcomeMeasures,
  tasks: readonly Task[],
  by: readonly Field[],
  measures: LogMeasures,
  because: Because,
): Aggregation[] {
  const { days, events, whyDays, whyEvents } = halfLives(measures)
  const prior = roundTo(mean, 2)
  const own = tasks.filter(({ field }) => field === value)
  const rateOf = (atLeast: number) => roundTo(levels.find((level) => level.atLeast >= atLeast)?.rate ?? mean, 2)
  const [first] = own
  const middle = days[Math.min(1, days.length - 1)]
  because(`prior ${prior}`, `the mean of "${value}" in the log's first 72 %: what is expected of who is not known`)
  if (days.length > 0) because(`half-lives of ${days.join(', ')} days`, whyDays)
  if (events.length > 0) because(`half-lives of ${events.join(', ')} events`, whyEvents)
  /** Statistics of the outcome itself, or of whether it reaches a threshold. */
  const statistics = (suffix: string, atLeast: number | undefined, expected: number): Aggregation[] => {
    const of = { value, ...(atLeast !== undefined && { atLeast }) }
    const residual = { of: 'user', kind: 'residual', ...of, shrinkage: userShrinkage } as const
    return [
      { name: `item-mean${suffix}`, of: 'item', kind: 'mean', ...of, shrinkage: itemShrinkage, prior: expected },
      { name: `user-mean${suffix}`, of: 'user', kind: 'mean', ...of, shrinkage: userShrinkage, prior: expected },
      { name: `user-residual${suffix}`, ...residual },
      ...(middle === undefined
        ? []
        : [{ name: `user-residual${suffix}-${nameOf(middle)}d`, ...residual, halfLifeDays: middle }]),
      ...events.map((halfLifeEvents) => ({
        name: `user-residual${suffix}-${halfLifeEvents}e`,
        ...residual,
        halfLifeEvents,
      })),
      ...by.map(({ name }) => ({ name: `user-residual${suffix}-by-${name}`, ...residual, by: name })),
      { name: `item-effect${suffix}`, of: 'item', kind: 'effect', ...of, prior: expected },
      { name: `user-effect${suffix}`, of: 'user', kind: 'effect', ...of },
    ]
  }
  const isGraded = !isBinary && first !== undefined
  because(
    'means, residuals, effects',
    'what an item gets, what a user gives, and what a user gives over the item’s mean',
  )
  if (by.length > 0) because(`statistics by ${by.map(({ name }) => name).join(', ')}`, 'what a user likes of each kind')
  return [
    ...statistics('', undefined, prior),
    ...(isGraded ? statistics(`-${nameOf(first.atLeast)}`, first.atLeast, rateOf(first.atLeast)) : []),
    ...(isBinary ? [] : own.slice(1)).map(({ atLeast }): Aggregation => {
      const rest = { atLeast, shrinkage: userShrinkage, prior: rateOf(atLeast) }
      return { name: `user-mean-${nameOf(atLeast)}`, of: 'user', kind: 'mean', value, ...rest }
    }),
    ...countsOf(by, days),
  ]
}

/** Statistics that need no outcome. */
function countsOf(by: readonly Field[], days: readonly number[]): Aggregation[] {
  return [
    { name: 'item-count', of: 'item', kind: 'count' },
    { name: 'user-count', of: 'user', kind: 'count' },
    ...by.map(({ name }): Aggregation => ({ name: `user-share-by-${name}`, of: 'user', kind: 'share', by: name })),
    ...[days[0], days[2]].flatMap((halfLifeDays): Aggregation[] =>
      halfLifeDays === undefined
        ? []
        : [{ name: `user-count-${nameOf(halfLifeDays)}d`, of: 'user', kind: 'sum', halfLifeDays }],
    ),
    { name: 'user-since', of: 'user', kind: 'since' },
  ]
}

/** A number as a part of a name. */
const nameOf = (value: number) => String(value).replace(/[^A-Za-z0-9-]/g, '_')

/** The events that nine of ten events' users have before, as a power of two. */
function sequenceOf(
  value: string,
  { mean, deviation }: OutcomeMeasures,
  buckets: number,
  { history }: LogMeasures,
  because: Because,
): SequenceFeature {
  const length = Math.min(64, Math.max(8, 2 ** Math.round(Math.log2(Math.max(1, history.high)))))
  because(
    `sequence of ${length} events`,
    `nine of ten events are of users with at most ${history.high} before; 8 to 64 are kept`,
  )
  const [center, scale] = [roundTo(mean, 2), deviation > 0 ? roundTo(deviation, 2) : 1]
  return { length, value, buckets, center, scale }
}
