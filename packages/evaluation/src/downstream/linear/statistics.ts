/**
 * The statistics that a linear model ranks by, of the user, of the item and of what the user says of the item's categories.
 * They are aggregations of a schema of their own over the log's fields, so that `@headwater/features` defines them.
 */
import {
  type Aggregation,
  compileFeatures,
  type FeatureSpace,
  type Field,
  type LogEvent,
  Replay,
  type Schema,
  type SideBatch,
} from '@headwater/features'

/** An outcome that is known at once, as it is or as a label, and its mean over the log's first rows. */
export interface Outcome {
  readonly name: string
  readonly value: string
  readonly atLeast?: number
  readonly mean: number
}

/** Half-lives that tell the present mood from lasting taste. */
const halfLives = {
  item: { events: [20], days: [7] },
  user: { events: [1, 3, 10, 30], days: [1, 14] },
  crossed: { events: [30] },
} as const

/** Priors weigh so many events. */
const shrinkage = { item: 5, user: 3, decayed: 1, crossed: 3 } as const

function aggregationsOf(outcome: Outcome, categories: readonly string[]): Aggregation[] {
  const { name, value, atLeast, mean: prior } = outcome
  const what = { value, ...(atLeast !== undefined && { atLeast }) }
  const item = { of: 'item', kind: 'mean', ...what, prior } as const
  const residual = { of: 'user', kind: 'residual', ...what } as const
  return [
    { name: `item-${name}`, ...item, shrinkage: shrinkage.item },
    ...halfLives.item.events.map((halfLifeEvents) => {
      return { name: `item-${name}-${halfLifeEvents}e`, ...item, shrinkage: shrinkage.decayed, halfLifeEvents }
    }),
    ...halfLives.item.days.map((halfLifeDays) => {
      return { name: `item-${name}-${halfLifeDays}d`, ...item, shrinkage: shrinkage.decayed, halfLifeDays }
    }),
    { name: `user-${name}`, of: 'user', kind: 'mean', ...what, prior, shrinkage: shrinkage.user },
    { name: `residual-${name}`, ...residual, shrinkage: shrinkage.user },
    ...halfLives.user.events.map((halfLifeEvents) => {
      return { name: `residual-${name}-${halfLifeEvents}e`, ...residual, shrinkage: shrinkage.decayed, halfLifeEvents }
    }),
    ...halfLives.user.days.map((halfLifeDays) => {
      return { name: `residual-${name}-${halfLifeDays}d`, ...residual, shrinkage: shrinkage.decayed, halfLifeDays }
    }),
    ...categories.flatMap((by, field): Aggregation[] => [
      { name: `crossed-${field}-${name}`, ...residual, by, shrinkage: shrinkage.crossed },
      ...halfLives.crossed.events.map((halfLifeEvents) => {
        const own = `crossed-${field}-${name}-${halfLifeEvents}e`
        return { name: own, ...residual, by, shrinkage: shrinkage.crossed, halfLifeEvents }
      }),
    ]),
  ]
}

/** The slots of a larger field would take more memory of every user than they tell. */
const mostSlots = 256

/** Numbers of a vector are known to be weights, none below 0, where the schema itself takes them for slots. */
function isCategory({ aggregations }: Schema, { name, of, type, values, size = 0 }: Field): boolean {
  if (of !== 'item') return false
  if (type === 'ids') return values !== undefined && values.length < mostSlots
  return type === 'vector' && size <= mostSlots && aggregations.some(({ by }) => by === name)
}

/** A log's schema with the statistics of these outcomes in place of its own. @throws SchemaError where they are too many */
function statisticsSchema(schema: Schema, outcomes: readonly Outcome[]): Schema {
  const categories = schema.fields.filter((field) => isCategory(schema, field))
  const { sequence: _, calendar: __, ...own } = schema
  const taken = new Set(schema.fields.map(({ name }) => name))
  const free = (name: string): string => (taken.has(name) ? free(`${name}_`) : name)
  const aggregations: Aggregation[] = [
    ...outcomes.flatMap((outcome) =>
      aggregationsOf(
        outcome,
        categories.map(({ name }) => name),
      ),
    ),
    { name: 'item-count', of: 'item', kind: 'count' },
    { name: 'user-count', of: 'user', kind: 'count' },
    { name: 'user-since', of: 'user', kind: 'since' },
  ]
  return { ...own, aggregations: aggregations.map((aggregation) => ({ ...aggregation, name: free(aggregation.name) })) }
}

/** Statistics of a log's rows as of just before each of them. Shape letter: C columns. */
export class LinearStatistics {
  /** Names of the C columns. */
  readonly columns: readonly string[]
  readonly #space: FeatureSpace
  readonly #replay: Replay
  readonly #user: SideBatch
  readonly #item: SideBatch
  /** Places of the user's columns that are taken as they are. */
  readonly #plain: readonly number[]
  /** Aggregations of which only what they say of the row's item is taken. */
  readonly #crossed: readonly string[]

  /** @throws SchemaError */
  constructor(schema: Schema, outcomes: readonly Outcome[]) {
    const space = compileFeatures(statisticsSchema(schema, outcomes))
    this.#space = space
    this.#replay = new Replay(space)
    this.#user = space.allocate('user', 1)
    this.#item = space.allocate('item', 1)
    this.#crossed = space.schema.aggregations.filter(({ by }) => by !== undefined).map(({ name }) => name)
    const slots = this.#crossed.map((name) => `${name}[`)
    this.#plain = [...space.user.dense.keys()].filter((i) => {
      return !slots.some((start) => space.user.dense[i].startsWith(start))
    })
    const sided = (side: string, names: readonly string[]) => names.map((name) => `${side} ${name}`)
    this.columns = [
      ...sided('item', space.item.dense),
      ...sided(
        'user',
        this.#plain.map((i) => space.user.dense[i]),
      ),
      ...sided('crossed', this.#crossed),
    ]
  }

  /** Writes a row's C statistics, of the events ingested so far. @throws EventError */
  encode(event: LogEvent, into: Float32Array, at: number): void {
    const space = this.#space
    space.encodeItem(this.#item, 0, this.#replay.itemState(event.item), event)
    space.encodeUser(this.#user, 0, this.#replay.userState(event.user), event.timeMs)
    into.set(this.#item.dense, at)
    let place = at + this.#item.dense.length
    for (const i of this.#plain) into[place++] = this.#user.dense[i]
    for (const name of this.#crossed) into[place++] = space.crossed(this.#user, 0, name, event)
  }

  /** Rows of one time, when all of them were encoded. @throws EventError, ReplayMemoryError */
  ingest(group: readonly LogEvent[]): void {
    this.#replay.ingest(group)
  }
}
