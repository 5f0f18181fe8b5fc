/** A log as experiments see it: what identifies it, which rows are scored, and which rows each downstream model has. */
import type { AnySyntheticWorld, Log } from '@headwater/datasets'
import { compileFeatures, type FeatureSpace, happened, timeGroups } from '@headwater/features'
import { LogDigest } from '@headwater/features/log-digest'
import { type DownstreamSpec, downstreamFamily, type ModelName, rowSelector } from '../../downstream/family.ts'
import { downstreamPortfolio, type SurfaceValues } from '../../downstream/portfolio.ts'
import type { RowSpan } from '../../downstream/tried-model.ts'
import { type Stages, silentStages } from '../../progress/stages.ts'
import { ExperimentError } from './experiment-error.ts'
import { type LabSettings, publicationRows } from './settings.ts'

/** Rows of a model in the test window. Shape letters: R rows. */
export interface ModelRows {
  /** Places in the test window, [R]. */
  readonly places: Uint32Array
  /** 0/1 [R] */
  readonly labels: Uint8Array
  /** Rows of the model before the test window. */
  readonly trained: number
}

/** Rows from `fromRow` to the log's end, which figures are of. Shape letters: T rows. */
export interface TestWindow {
  readonly fromRow: number
  readonly fromMs: number
  readonly rows: number
  /** Users and items, numbered in the order in which the log first has them, [T]. */
  readonly users: Uint32Array
  readonly items: Uint32Array
  /** By number, of all users and items of the log. */
  readonly userNames: readonly string[]
  readonly itemNames: readonly string[]
  /** [T] */
  readonly timesMs: Float64Array
  /** Of the window. */
  readonly userCount: number
  /** Events that the row's user had at earlier times, and days since the user's first, [T]. */
  readonly earlierEvents: Uint32Array
  readonly userAgeDays: Float64Array
  /** Of a log with negatives [T]: how often the row's item was to be drawn, and how many items there were; else null. */
  readonly draws: { readonly expected: Float64Array; readonly live: Uint32Array } | null
  /** Rows of something taken, evenly spread, at which models rank all that could have been; none of a log without negatives. */
  readonly chosen: ReadonlySet<number>
  /** Value of the surface field, [T]; null where the log has none. */
  readonly surfaces: readonly string[] | null
  readonly models: Readonly<Record<ModelName, ModelRows>>
}

/** Rows of a log, `toRow` not included. */
interface LogPart {
  readonly fromRow: number
  readonly toRow: number
  readonly fromMs: number
  /** Rows whose first task's label is known, and those of them where it is 1. */
  readonly labelled: number
  readonly positives: number
}

export interface LabLog {
  readonly log: Log
  /** Where the rows came from, in words. */
  readonly source: string
  readonly space: FeatureSpace
  readonly settings: LabSettings
  /** Behind a synthetic log. */
  readonly world: AnySyntheticWorld | null
  /** Of every row. */
  readonly fingerprint: string
  /** Mean and deviation of the sequence's outcome over the rows before the first snapshot; null where there are none. */
  readonly outcome: { readonly mean: number; readonly deviation: number } | null
  readonly users: number
  readonly items: number
  readonly tenths: readonly LogPart[]
  readonly surface: { readonly field: string; readonly value: string } | null
  /** All values of its field, the rarest first. */
  readonly surfaceValues: SurfaceValues | null
  readonly family: readonly DownstreamSpec[]
  /** Models that may share one tower, narrow ones first; some are of the family. */
  readonly portfolio: readonly DownstreamSpec[]
  readonly publicationRows: readonly number[]
  /** Time of the last event before each publication. */
  readonly publishedMs: readonly number[]
  readonly test: TestWindow
  /** A tenth of the rows: experiments may leave arms out, and say so. */
  readonly quick: boolean
}

/** A model of the family or the portfolio. */
export function specOf({ family, portfolio }: Pick<LabLog, 'family' | 'portfolio'>, name: ModelName): DownstreamSpec {
  return [...family, ...portfolio].find((own) => own.name === name)!
}

/** Rows between two reports of how far reading is. */
const toldRows = 4_096

/** Fewest users whose resampling says something of others: intervals are of whole users. */
const leastUsers = 30

/**
 * Reads a log twice, which is one stage, and tells what an experiment can be made of it.
 * @throws EventError where a row of the first task has no label
 */
export async function readLabLog(
  log: Log,
  source: string,
  settings: LabSettings,
  world: AnySyntheticWorld | null = null,
  signal?: AbortSignal,
  quick = false,
  stages = silentStages,
): Promise<LabLog> {
  const space = compileFeatures(log.schema)
  const rows = rowsTold(stages, 2 * log.rows)
  const surveyed = await survey(log, space, settings, signal, rows)
  const { surfaceValues } = surveyed
  const surface = surfaceValues && { field: surfaceValues.field, value: surfaceValues.values[0] }
  const family = downstreamFamily(space, surface)
  const portfolio = downstreamPortfolio(space, family, surfaceValues)
  const own = { log, source, space, settings, world, surface, family, portfolio, quick }
  const test = await readTest(own, signal, rows)
  stages.end()
  return { ...surveyed, ...own, test }
}

/** Counts rows as a stage's, every so many of them. */
function rowsTold(stages: Stages, total: number): (more: number) => void {
  let [rows, told] = [0, 0]
  stages.begin('rows', total)
  return (more) => {
    rows += more
    if (rows - told < toldRows) return
    told = rows
    stages.advance(rows)
  }
}

/** @throws ExperimentError where the log has no times, or its test window lacks a class or users */
export function checkTestWindow(lab: LabLog): void {
  const { log, test } = lab
  if (!(log.timeRange.lastMs > log.timeRange.firstMs))
    throw new ExperimentError(log.name, 'all rows have one time', 'give a log with times: nothing can be earlier here')
  if (test.userCount < leastUsers) {
    const reason = `the test window of ${test.rows} rows has ${test.userCount} users`
    throw new ExperimentError(log.name, reason, `intervals need ${leastUsers}: ${longerLog(lab)}`)
  }
  checkRows(lab, 'the test window', test.models.ranking)
}

const longerLog = ({ quick }: LabLog) => (quick ? 'leave --quick out, or use a longer log' : 'use a longer log')

/**
 * First of the rows by whose loss settings are chosen: as many as the test window has, right before it, but
 * none from before the first snapshot.
 */
export function judgedFrom({ test, publicationRows }: LabLog): number {
  return Math.max(test.fromRow - test.rows, publicationRows[0])
}

/**
 * Rows by whose loss the worse half of the settings is given up: behind the first snapshot, so that it is known what they make of what is
 * served, and before the rows that settings are chosen by. Undefined where there is no row between.
 */
export function halvedBy(lab: LabLog): RowSpan | undefined {
  const [first] = lab.publicationRows
  const toRow = Math.min(Math.round(first + (lab.test.fromRow - first) / 3), judgedFrom(lab))
  return toRow > first ? { fromRow: first, toRow } : undefined
}

/** A part of the log as a lab log of its own, for a pilot: its figures mean nothing, so that it is not checked. */
export async function readLabRows(lab: LabLog, log: Log): Promise<LabLog> {
  const own = { ...lab, log, world: null }
  const { publicationRows, publishedMs } = await survey(log, lab.space, lab.settings, undefined, () => {})
  return { ...own, publicationRows, publishedMs, test: await readTest(own, undefined, () => {}) }
}

/** @throws ExperimentError where a model has no rows to be trained on, or its intervals cannot be told */
export function checkModel(lab: LabLog, name: ModelName): void {
  const { log, test } = lab
  const spec = specOf(lab, name)
  const where = `downstream model "${name}" (${spec.title})`
  const rows = test.models[name]
  if (rows.trained === 0 || rows.places.length === 0)
    throw new ExperimentError(
      log.name,
      `${where} has ${rows.trained} rows before the test window and ${rows.places.length} in it`,
      `${longerLog(lab)}, or an experiment without it`,
    )
  checkRows(lab, where, rows)
}

/** Whether there are both classes, and users enough of either. */
function checkRows(lab: LabLog, where: string, rows: ModelRows): void {
  const { log, test } = lab
  const { labels } = rows
  if (!labels.includes(0) || !labels.includes(1)) {
    const reason = `${where} has ${labels.length} rows to be scored, without both classes`
    throw new ExperimentError(log.name, reason, `${longerLog(lab)}, or another first task`)
  }
  if (isDrawable(test, rows)) return
  const [of0, of1] = usersByClass(test, rows)
  throw new ExperimentError(
    log.name,
    `${where} has ${of1} users with a row of class 1 and ${of0} with one of class 0 to be scored`,
    `intervals of so few users say nothing of others: ${longerLog(lab)}`,
  )
}

/** Were users drawn with replacement, a draw would lack a class with a chance of exp(−12) at most. */
const leastLogOdds = 12

/** Whether rows have users enough of both classes that one without either is hardly ever drawn, and two users at least. */
export function isDrawable(test: Pick<TestWindow, 'users'>, rows: ModelRows): boolean {
  const users = new Set(rows.places.map((place) => test.users[place])).size
  return users >= 2 && usersByClass(test, rows).every((own) => -users * Math.log1p(-own / users) >= leastLogOdds)
}

/** Users with a row of class 0, and with one of class 1. */
function usersByClass({ users }: Pick<TestWindow, 'users'>, { places, labels }: ModelRows): number[] {
  return [0, 1].map((label) => new Set(places.filter((_, i) => labels[i] === label).map((place) => users[place])).size)
}

const tenthOf = (rows: number, part: number) => Math.floor((rows * part) / 10)

async function survey(
  log: Log,
  space: FeatureSpace,
  settings: LabSettings,
  signal: AbortSignal | undefined,
  onRows: (more: number) => void,
) {
  const publications = publicationRows(log.rows, settings)
  const digest = new LogDigest(log.schema)
  const users = new Set<string>()
  const items = new Set<string>()
  const field = log.schema.fields.findIndex(({ of, type }) => of === 'context' && type === 'id')
  const counts = new Map<string, number>()
  const outcomeField = log.schema.fields.findIndex(({ name }) => name === log.schema.sequence?.value)
  const outcomes = { rows: 0, sum: 0, squares: 0 }
  const tenths = Array.from({ length: 10 }, (_, part) => {
    return {
      fromRow: tenthOf(log.rows, part),
      toRow: tenthOf(log.rows, part + 1),
      fromMs: 0,
      labelled: 0,
      positives: 0,
    }
  })
  const publishedMs: number[] = []
  let lastMs = 0
  let part = 0
  for await (const group of timeGroups(log.events())) {
    signal?.throwIfAborted()
    if (group[0].row >= publications[publishedMs.length]) publishedMs.push(lastMs)
    for (const event of group) {
      while (event.row >= tenths[part].toRow) part++
      if (event.row === tenths[part].fromRow) tenths[part].fromMs = event.timeMs
      const label = space.rankedLabel(event)
      if (label !== null) tenths[part].labelled++
      tenths[part].positives += label ?? 0
      users.add(event.user)
      items.add(event.item)
      const value = field < 0 ? null : event.values[field]
      if (typeof value === 'string') counts.set(value, (counts.get(value) ?? 0) + 1)
      const outcome = event.values[outcomeField]
      if (happened(event) && typeof outcome === 'number' && event.row < publications[0]) {
        outcomes.rows++
        outcomes.sum += outcome
        outcomes.squares += outcome * outcome
      }
      digest.add(event)
    }
    lastMs = group[0].timeMs
    onRows(group.length)
  }
  // The rarest first, so that the upstream loses the least by not seeing it.
  const values = [...counts].sort(([a, m], [b, n]) => m - n || (a < b ? -1 : 1)).map(([value]) => value)
  const mean = outcomes.sum / outcomes.rows
  const deviation = Math.sqrt(Math.max(0, outcomes.squares / outcomes.rows - mean * mean))
  return {
    fingerprint: digest.hex,
    outcome: deviation > 0 ? { mean, deviation } : null,
    users: users.size,
    items: items.size,
    tenths,
    publicationRows: publications,
    publishedMs,
    surfaceValues: counts.size < 2 ? null : { field: log.schema.fields[field].name, values },
  }
}

/** A lab log but for what its rows tell. */
type Unread = Omit<LabLog, 'test' | keyof Awaited<ReturnType<typeof survey>>>

const msPerDay = 86_400_000

async function readTest(
  lab: Unread,
  signal: AbortSignal | undefined,
  onRows: (more: number) => void,
): Promise<TestWindow> {
  const { log, space, settings, family, portfolio, surface, world } = lab
  const fromRow = firstTestRow(log, settings, world)
  const rows = log.rows - fromRow
  const users = new Uint32Array(rows)
  const items = new Uint32Array(rows)
  const timesMs = new Float64Array(rows)
  const itemNumbers = new Map<string, number>()
  const earlierEvents = new Uint32Array(rows)
  const userAgeDays = new Float64Array(rows)
  const surfaces: string[] | null = surface ? [] : null
  const draws = log.schema.negatives ? { expected: new Float64Array(rows), live: new Uint32Array(rows) } : null
  const field = log.schema.fields.findIndex(({ name }) => name === surface?.field)
  const numbers = new Map<string, { number: number; events: number; firstMs: number }>()
  const labels = new Uint8Array(space.tasks.length)
  const weights = new Float32Array(space.tasks.length)
  const models = [...family, ...portfolio].map((spec) => {
    return { spec, selects: rowSelector(space, spec), places: [] as number[], labels: [] as number[], trained: 0 }
  })
  const seen = new Set<number>()
  let fromMs = 0
  for await (const group of timeGroups(log.events())) {
    signal?.throwIfAborted()
    for (const event of group) {
      const user = numbers.get(event.user) ?? { number: numbers.size, events: 0, firstMs: event.timeMs }
      numbers.set(event.user, user)
      space.labels(event, labels, weights)
      const place = event.row - fromRow
      if (place === 0) fromMs = event.timeMs
      const item = itemNumbers.get(event.item) ?? itemNumbers.size
      itemNumbers.set(event.item, item)
      if (place >= 0) {
        users[place] = user.number
        items[place] = item
        timesMs[place] = event.timeMs
        seen.add(user.number)
        earlierEvents[place] = user.events
        userAgeDays[place] = (event.timeMs - user.firstMs) / msPerDay
        surfaces?.push(String(event.values[field]))
        if (draws !== null && event.draw) {
          draws.expected[place] = event.draw.expected
          draws.live[place] = event.draw.live
        }
      }
      for (const model of models) {
        if (!model.selects(event, labels, weights)) continue
        if (place < 0) model.trained++
        else {
          model.places.push(place)
          model.labels.push(labels[model.spec.task])
        }
      }
    }
    // Events of equal time are not earlier than one another.
    for (const { user } of group.filter(happened)) numbers.get(user)!.events++
    onRows(group.length)
  }
  return {
    chosen: chosenRows(fromRow, models[0].places, models[0].labels, draws?.live),
    fromRow,
    fromMs,
    rows,
    users,
    items,
    userNames: [...numbers.keys()],
    itemNames: [...itemNumbers.keys()],
    timesMs,
    userCount: seen.size,
    earlierEvents,
    userAgeDays,
    draws,
    surfaces,
    models: Object.fromEntries(
      models.map(({ spec, trained, ...own }) => {
        const rows: ModelRows = { places: Uint32Array.from(own.places), labels: Uint8Array.from(own.labels), trained }
        return [spec.name, rows]
      }),
    ) as Record<ModelName, ModelRows>,
  }
}

/** Items that a model ranks in all, about: each is a row that is predicted. And choices at least. */
const rankedItems = 600_000
const leastChoices = 30

/** @param live by place: items that there were, of a log with negatives */
function chosenRows(
  fromRow: number,
  places: readonly number[],
  labels: readonly number[],
  live: Uint32Array | undefined,
): ReadonlySet<number> {
  if (live === undefined) return new Set()
  const taken = places.filter((_, i) => labels[i] === 1)
  const mean = taken.reduce((sum, place) => sum + live[place], 0) / taken.length
  const count = Math.min(taken.length, Math.max(leastChoices, Math.floor(rankedItems / mean)))
  return new Set(Array.from({ length: count }, (_, i) => fromRow + taken[Math.floor((i * taken.length) / count)]))
}

/** Of a synthetic log at a midnight, so that "before the day" means something. */
function firstTestRow(log: Log, { testShare }: LabSettings, world: AnySyntheticWorld | null): number {
  if (world === null) return log.rows - Math.max(1, Math.round(log.rows * testShare))
  const perDay = log.rows / world.setting.days
  return Math.round(testDay(world, testShare) * perDay)
}

/** First day of a synthetic world's test window. */
export function testDay({ setting }: AnySyntheticWorld, testShare: number): number {
  return Math.min(setting.days - 1, Math.round(setting.days * (1 - testShare)))
}
