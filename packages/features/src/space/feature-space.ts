import type { SideBatch, SideLayout } from '../batch/batch.ts'
import { allocateBatch, BatchError, checkRow } from '../batch/side-batch.ts'
import { bucketSeed, seededBucket } from '../events/bucket.ts'
import type { FieldValue, LogEvent } from '../events/event.ts'
import { checkEvent, EventError, floatOf, isTime } from '../events/event-values.ts'
import { parseSchema } from '../schema/parse-schema.ts'
import type { Aggregation, CalendarPart, Field, Schema } from '../schema/schema.ts'
import { schemaDefaults } from '../schema/schema-defaults.ts'
import { SchemaError } from '../schema/schema-error.ts'
import { isEffectOf, residualBaseline } from '../schema/schema-references.ts'
import { Aggregator } from './aggregator.ts'
import { calendarBag, calendarBucket } from './calendar.ts'
import { Effect, type EffectModel, learnEffects } from './effect.ts'
import { FieldBlock } from './field-block.ts'
import { SequenceRing } from './sequence-ring.ts'
import { type SlotWeights, singleSlot, slotWeightsBy } from './slot-weights.ts'
import { headerDoubles, type Image, ImageLayout, newImage, StateImage } from './state-image.ts'
import { stateMeaning } from './state-meaning.ts'

const maxStateBytes = 2 ** 20
const msPerDay = 86_400_000

/** A task as training needs it. */
export interface LabelTask {
  readonly name: string
  /** In the upstream loss. */
  readonly weight: number
  /** From an event until its label is known; 0: at once. */
  readonly delayMs: number
}

/** Fields that a task's label and its weight are read from; `weightIndex` is −1 where all rows weigh 1. */
interface LabelSource {
  readonly valueIndex: number
  readonly atLeast: number
  readonly weightIndex: number
}

/** What an aggregation is fed from: a value's field index, −1 for none, and its threshold. */
interface Source {
  readonly valueIndex: number
  readonly atLeast: number | undefined
}

/** An aggregation with what it is fed from, and for a residual the item's mean. */
interface Feed extends Source {
  readonly aggregator: Aggregator
  readonly baseline: Aggregator | null
}

/** Of a side: its statistics in the schema's order, and those of them that are fed by themselves. */
interface CompiledSide {
  readonly statistics: readonly (Aggregator | Effect)[]
  readonly feeds: readonly Feed[]
}

/**
 * A schema compiled: the layouts of both sides' inputs, and the one code that turns events into states and states into
 * rows, in training and in serving. Bytes in, bytes out: the same events give the same states and rows bit for bit.
 *
 * It holds scratch memory, so one instance serves one thread; calls do not overlap, as none of them is asynchronous.
 */
export class FeatureSpace {
  readonly schema: Schema
  /** Inputs from a user's state: `known`, user aggregations, user fields, calendar, sequence. */
  readonly user: SideLayout
  /** Inputs from an item's state and the request: `known`, item aggregations, item and context fields, calendar. */
  readonly item: SideLayout
  /** In the schema's order, which labels and their weights have too. */
  readonly tasks: readonly LabelTask[]
  readonly userStateBytes: number
  readonly itemStateBytes: number
  /** 32-bit words of an event of the sequence as `copyEvents` gives it; 0 without a sequence. */
  readonly eventWords: number

  readonly #userState: StateImage
  readonly #itemState: StateImage
  /** Item and context fields of the row being encoded; it has no header. */
  readonly #request: Image
  readonly #ofUser: CompiledSide
  readonly #ofItem: CompiledSide
  /** Each with the outcome that its effects add up to. */
  readonly #effects: readonly (Source & EffectModel)[]
  readonly #slotWeights: readonly SlotWeights[]
  /** By name of a user's aggregation that has a `by`: its first column among the dense ones, and its slots. */
  readonly #crossings = new Map<string, { readonly column: number; readonly slots: SlotWeights }>()
  readonly #profile: FieldBlock
  readonly #requestFields: FieldBlock
  readonly #ring: SequenceRing | null
  readonly #sequenceIndex: number
  /** Of the sequence's residuals. */
  readonly #sequenceBaseline: Aggregator | null
  readonly #itemSeed = bucketSeed('item')
  readonly #itemBuckets: number
  readonly #calendar: readonly CalendarPart[]
  readonly #userCalendar: readonly CalendarPart[]
  readonly #outcomeIndexes: readonly number[]
  /** By field index: the outcomes of the event being ingested, NaN where missing. */
  readonly #outcomes: Float64Array
  readonly #labels: readonly LabelSource[]
  /** Of the outcome that is 1 in every event; −1 where the schema has no negatives. */
  readonly #takenIndex: number

  /** @throws SchemaError */
  constructor(schema: Schema) {
    const checked = parseSchema(schema, `schema "${schema.name}"`)
    const fieldIndex = (name: string | undefined) => checked.fields.findIndex((field) => field.name === name)
    this.schema = checked
    this.#itemBuckets = checked.itemBuckets ?? schemaDefaults.itemBuckets
    this.#calendar = checked.calendar ?? []
    this.#userCalendar = checked.userCalendar ?? []

    const weightsBy = new Map<string, SlotWeights>()
    const compiled = new Map<Aggregation, Aggregator | Effect>()
    const sourceOf = ({ value, atLeast }: Aggregation): Source => ({ valueIndex: fieldIndex(value), atLeast })
    const compileSide = (of: 'user' | 'item', layout: ImageLayout): CompiledSide => {
      const own = checked.aggregations.filter((aggregation) => aggregation.of === of)
      const feeds: Feed[] = []
      const statistics = own.map((aggregation) => {
        const { by, kind } = aggregation
        if (by !== undefined && !weightsBy.has(by)) weightsBy.set(by, slotWeightsBy(checked, by))
        const slots = by === undefined ? singleSlot : (weightsBy.get(by) ?? singleSlot)
        if (kind === 'effect') {
          const effect = new Effect(aggregation, slots, layout)
          compiled.set(aggregation, effect)
          return effect
        }
        const mean = kind === 'residual' ? residualBaseline(checked, aggregation) : undefined
        const baseline = mean === undefined ? null : (compiled.get(mean) as Aggregator)
        const aggregator = new Aggregator(aggregation, slots, layout)
        compiled.set(aggregation, aggregator)
        feeds.push({ ...sourceOf(aggregation), aggregator, baseline })
        return aggregator
      })
      return { statistics, feeds }
    }

    const itemLayout = new ImageLayout(headerDoubles)
    const userLayout = new ImageLayout(headerDoubles)
    // Items first: a residual needs its baseline compiled.
    this.#ofItem = compileSide('item', itemLayout)
    this.#ofUser = compileSide('user', userLayout)
    this.#effects = checked.aggregations
      .filter(({ of, kind }) => of === 'item' && kind === 'effect')
      .map((item) => {
        const users = checked.aggregations.filter((own) => own.of === 'user' && isEffectOf(own, item))
        const effects = users.map((own) => compiled.get(own) as Effect)
        return { ...sourceOf(item), item: compiled.get(item) as Effect, users: effects }
      })
    this.#slotWeights = [...weightsBy.values()]
    this.#profile = new FieldBlock(checked, ['user'], userLayout)
    this.#ring = checked.sequence === undefined ? null : new SequenceRing(checked.sequence, checked, userLayout)
    this.eventWords = this.#ring?.eventWords ?? 0
    this.#sequenceIndex = fieldIndex(checked.sequence?.value)
    const mean = checked.sequence?.residual && residualBaseline(checked, checked.sequence)
    this.#sequenceBaseline = mean ? (compiled.get(mean) as Aggregator) : null
    const fieldTimes = this.#profile.reserveTimes(userLayout)
    let column = 1
    for (const aggregation of checked.aggregations.filter(({ of }) => of === 'user')) {
      const slots = weightsBy.get(aggregation.by ?? '')
      if (slots !== undefined) this.#crossings.set(aggregation.name, { column, slots })
      column += compiled.get(aggregation)!.columns.length
    }
    const stateBytes = 8 * userLayout.doubles + 4 * userLayout.words
    if (stateBytes > maxStateBytes) {
      const reason = `a user's state would have ${stateBytes} bytes, over the limit of ${maxStateBytes}`
      const remedy = 'use fewer or smaller aggregations and vectors'
      throw new SchemaError(`schema "${checked.name}"`, '(root)', reason, remedy)
    }
    const meaning = stateMeaning(checked)
    this.#userState = new StateImage('user', userLayout, meaning, fieldTimes)
    this.#itemState = new StateImage('item', itemLayout, meaning)
    this.userStateBytes = this.#userState.sizeBytes
    this.itemStateBytes = this.#itemState.sizeBytes

    const requestLayout = new ImageLayout(0)
    this.#requestFields = new FieldBlock(checked, ['item', 'context'], requestLayout)
    this.#request = newImage(requestLayout)

    this.#outcomes = new Float64Array(checked.fields.length).fill(Number.NaN)
    this.#outcomeIndexes = [...checked.fields.keys()].filter((i) => {
      return checked.fields[i].of === 'outcome' && checked.fields[i].type === 'float'
    })
    this.#takenIndex = fieldIndex(checked.negatives?.outcome)
    this.#labels = checked.tasks.map(({ field, atLeast, weightBy }) => {
      return { valueIndex: fieldIndex(field), atLeast, weightIndex: fieldIndex(weightBy) }
    })
    this.tasks = checked.tasks.map(({ name, weight = schemaDefaults.taskWeight, delayDays = 0 }) => {
      return { name, weight, delayMs: delayDays * msPerDay }
    })

    this.user = {
      dense: ['known', ...this.#ofUser.statistics.flatMap(({ columns }) => columns), ...this.#profile.columns],
      bags: [...this.#profile.bags, ...this.#userCalendar.map(calendarBag)],
      sequence: this.#ring?.layout ?? null,
    }
    this.item = {
      dense: ['known', ...this.#ofItem.statistics.flatMap(({ columns }) => columns), ...this.#requestFields.columns],
      bags: [
        { name: 'item', buckets: this.#itemBuckets, maxValues: 1 },
        ...this.#calendar.map(calendarBag),
        ...this.#requestFields.bags,
      ],
      sequence: null,
    }
  }

  /** State of a user without events, `userStateBytes` long. */
  newUserState(): Uint8Array {
    return this.#userState.newState()
  }

  /** State of an item without events, `itemStateBytes` long. */
  newItemState(): Uint8Array {
    return this.#itemState.newState()
  }

  /** Time of the newest that a user's state knows, an event or a field; null where it knows nothing. @throws StateError */
  newestMs(userState: Uint8Array): number | null {
    this.#userState.load(userState)
    const { newestMs } = this.#userState
    return newestMs === Number.NEGATIVE_INFINITY ? null : newestMs
  }

  /** A copy of a user's state that has all that this version keeps, where a version before it wrote it. @throws StateError */
  currentUserState(userState: Uint8Array): Uint8Array {
    const current = new Uint8Array(this.userStateBytes)
    this.#userState.load(userState)
    this.#userState.save(current)
    return current
  }

  /** Number of events in a user's state and the time of the newest, null before the first. @throws StateError */
  userHistory(userState: Uint8Array): { readonly eventCount: number; readonly lastEventMs: number | null } {
    this.#userState.load(userState)
    const { eventCount, lastEventMs } = this.#userState
    return { eventCount, lastEventMs: eventCount === 0 ? null : lastEventMs }
  }

  /**
   * Ingests an event into the states of its user and its item, in place. The user's residuals use the item's mean as
   * it was before the event. A missing outcome leaves out the aggregations of that outcome; a missing user field keeps
   * the value last known, and so does one that was put at a later time. An event older than its state's newest is weighted
   * as if it came at that one's time, and does not change the user's fields. After an error both states are as before.
   *
   * @param event that `happened`
   * @throws EventError, StateError
   */
  update(userState: Uint8Array, itemState: Uint8Array, event: LogEvent): void {
    const user = this.#userState
    const item = this.#itemState
    checkEvent(event, this.schema.fields)
    user.load(userState)
    item.load(itemState)
    for (const i of this.#outcomeIndexes) this.#outcomes[i] = floatOf(event, i, this.schema.fields[i])
    if (this.#takenIndex >= 0) this.#outcomes[this.#takenIndex] = this.#taken(event)
    for (const weights of this.#slotWeights) weights.read(event)

    const { timeMs } = event
    const userElapsedMs = user.elapsedMs(timeMs)
    const itemElapsedMs = item.elapsedMs(timeMs)
    for (const model of this.#effects)
      learnEffects(model, this.#value(model), user.f64, userElapsedMs, item.f64, itemElapsedMs)
    for (const feed of this.#ofUser.feeds) {
      let x = this.#value(feed)
      if (feed.baseline !== null) x -= feed.baseline.mean(item.f64, itemElapsedMs)
      feed.aggregator.add(user.f64, userElapsedMs, x)
    }
    if (user.eventCount === 0 || timeMs >= user.lastEventMs) this.#profile.putNewer(user, event)
    const outcome = this.#outcomes[this.#sequenceIndex]
    this.#ring?.push(user, event, outcome, outcome - (this.#sequenceBaseline?.mean(item.f64, itemElapsedMs) ?? 0))
    user.advance(timeMs)

    for (const feed of this.#ofItem.feeds) feed.aggregator.add(item.f64, itemElapsedMs, this.#value(feed))
    item.advance(timeMs)
    user.save(userState)
    item.save(itemState)
  }

  /**
   * Sets fields of a user in their state, in place, without an event; null leaves what is there, and so does a value older
   * than that. After an error the state is as before.
   *
   * @param values by the names of the schema's fields of the user
   * @param atMs milliseconds since 1970
   * @throws EventError, of row 0, which names the field; StateError
   */
  putFields(userState: Uint8Array, values: Readonly<Record<string, FieldValue>>, atMs: number): void {
    const { fields } = this.schema
    const event = {
      row: 0,
      user: '',
      item: '',
      timeMs: atMs,
      values: fields.map(({ name }) => (Object.hasOwn(values, name) ? values[name] : null)),
    }
    checkEvent(event, fields)
    for (const name of Object.keys(values)) {
      if (fields.some((field) => field.name === name && field.of === 'user')) continue
      const known = fields.filter(({ of }) => of === 'user').map((field) => field.name)
      throw new EventError(0, name, `is no field of the user; the schema has ${known.join(', ') || 'none'}`)
    }
    const user = this.#userState
    user.load(userState)
    this.#profile.putNewer(user, event)
    user.save(userState)
  }

  /** 1: with negatives every event is of something taken. @throws EventError where the event says otherwise */
  #taken({ row }: LogEvent): number {
    if (!(this.#outcomes[this.#takenIndex] < 1)) return 1
    const reason =
      'is below 1, but with "negatives" in the schema every event is of something taken; leave the others out'
    throw new EventError(row, this.schema.fields[this.#takenIndex].name, reason)
  }

  /** What the event being ingested feeds an aggregation with, NaN where missing. */
  #value({ valueIndex, atLeast }: Source): number {
    if (valueIndex < 0) return 1
    const value = this.#outcomes[valueIndex]
    if (atLeast === undefined || Number.isNaN(value)) return value
    return value >= atLeast ? 1 : 0
  }

  /**
   * Encodes a user as of `nowMs` into one row, overwriting all of it.
   *
   * @throws StateError, BatchError; EventError where `nowMs` is no time
   */
  encodeUser(into: SideBatch, row: number, userState: Uint8Array, nowMs: number): void {
    this.encodeUserWithoutSequence(into, row, userState, nowMs)
    if (this.#ring === null) return
    this.#ring.encode(this.#userState, sequenceOf(into), row, nowMs)
  }

  /**
   * `encodeUser`, but for the sequence, which stays as it is: `encodeEvents` writes that.
   *
   * @throws StateError, BatchError; EventError where `nowMs` is no time
   */
  encodeUserWithoutSequence(into: SideBatch, row: number, userState: Uint8Array, nowMs: number): void {
    checkRow(this.user, into, row)
    if (!isTime(nowMs)) throw new EventError(row, 'nowMs', `is ${nowMs}; give milliseconds since 1970`)
    const state = this.#userState
    state.load(userState)
    const at = encodeStatistics(
      this.#ofUser.statistics,
      state,
      state.elapsedMs(nowMs),
      into.dense,
      row * this.user.dense.length,
    )
    this.#profile.encode(state, into, row, at, 0)
    this.#encodeCalendar(this.#userCalendar, into, row, this.#profile.bags.length, nowMs)
  }

  /**
   * Copies the user's events number `from … to − 1` of all that were ingested: `eventWords` each, for `encodeEvents`.
   *
   * @throws StateError; RangeError where the state does not keep one of them
   */
  copyEvents(userState: Uint8Array, from: number, to: number, into: Uint32Array): void {
    const state = this.#userState
    state.load(userState)
    const kept = this.#ring === null ? 0 : this.user.sequence!.length
    if (from > to || to > state.eventCount || from < Math.max(0, state.eventCount - kept)) {
      throw new RangeError(`Events ${from} to ${to} of ${state.eventCount} are not all among the last ${kept}.`)
    }
    this.#ring?.copyEvents(state, from, to, into)
  }

  /**
   * Encodes the sequence of one row as `encodeUser` does from a state with these last events.
   *
   * @param events the oldest first, as `copyEvents` gave them
   * @param count of them, no more than the sequence is long
   * @throws BatchError; EventError where `nowMs` is no time; RangeError where there are not so many events
   */
  encodeEvents(into: SideBatch, row: number, events: Uint32Array, count: number, nowMs: number): void {
    checkRow(this.user, into, row)
    if (!isTime(nowMs)) throw new EventError(row, 'nowMs', `is ${nowMs}; give milliseconds since 1970`)
    const ring = this.#ring
    if (ring === null) return
    const most = Math.min(this.user.sequence!.length, Math.floor(events.length / this.eventWords))
    if (!(count >= 0 && count <= most))
      throw new RangeError(`${count} events are not among the ${most} that are given.`)
    ring.putEvents(this.#userState, events, count)
    ring.encode(this.#userState, sequenceOf(into), row, nowMs, count)
  }

  /**
   * Encodes an item in the context of a request into one row, overwriting all of it. Of the event only item key, time,
   * item fields and context fields are read, never an outcome.
   *
   * @throws StateError, EventError, BatchError
   */
  encodeItem(into: SideBatch, row: number, itemState: Uint8Array, event: LogEvent): void {
    checkRow(this.item, into, row)
    checkEvent(event, this.schema.fields)
    const request = this.#request
    request.f64.fill(0)
    request.u32.fill(0)
    this.#requestFields.put(request, event)
    const state = this.#itemState
    state.load(itemState)
    const elapsedMs = state.elapsedMs(event.timeMs)
    const at = encodeStatistics(this.#ofItem.statistics, state, elapsedMs, into.dense, row * this.item.dense.length)

    into.bags[0].ids[row] = seededBucket(this.#itemSeed, event.item, this.#itemBuckets)
    into.bags[0].lengths[row] = 1
    this.#encodeCalendar(this.#calendar, into, row, 1, event.timeMs)
    this.#requestFields.encode(request, into, row, at, 1 + this.#calendar.length)
  }

  #encodeCalendar(
    parts: readonly CalendarPart[],
    into: SideBatch,
    row: number,
    firstBag: number,
    timeMs: number,
  ): void {
    for (let i = 0; i < parts.length; i++) {
      into.bags[firstBag + i].ids[row] = calendarBucket(parts[i], timeMs)
      into.bags[firstBag + i].lengths[row] = 1
    }
  }

  /**
   * What an encoded user's aggregation says of an event's item: the mean of its columns over the slots that the item has, by
   * their weights; 0 where it has none.
   *
   * @param aggregation name of one of the user's that has a `by`
   * @throws EventError, BatchError; RangeError where there is no such aggregation
   */
  crossed(batch: SideBatch, row: number, aggregation: string, event: LogEvent): number {
    checkRow(this.user, batch, row)
    const crossing = this.#crossings.get(aggregation)
    if (crossing === undefined) {
      const known = [...this.#crossings.keys()].join(', ') || 'none'
      throw new RangeError(`No aggregation of the user named "${aggregation}" has a "by"; the schema has ${known}.`)
    }
    const { column, slots } = crossing
    slots.read(event)
    const from = row * this.user.dense.length + column
    let [sum, total] = [0, 0]
    for (let i = 0; i < slots.active; i++) {
      sum += slots.weights[i] * batch.dense[from + slots.slots[i]]
      total += slots.weights[i]
    }
    return total > 0 ? sum / total : 0
  }

  /** A batch of `rows` zeroed rows, to be reused. @throws BatchError */
  allocate(side: 'user' | 'item', rows: number): SideBatch {
    return allocateBatch(side === 'user' ? this.user : this.item, rows)
  }

  /**
   * Labels of an event, 0 or 1 a task, and what each weighs, written from place `at`. Where a task's outcome is missing
   * its label is unknown: 0, of weight 0. Otherwise the weight is the row's `weightBy` of the task, 1 where that is
   * missing or not asked for; the task's own `weight` is not in it.
   *
   * @param into [R, T] labels
   * @param weights [R, T] weights of the labels
   * @throws EventError where an outcome is no number or a weight below 0; BatchError where an array is too short
   */
  labels(event: LogEvent, into: Uint8Array, weights: Float32Array, at = 0): void {
    const tasks = this.#labels.length
    const room = Math.min(into.length, weights.length)
    if (!(at >= 0 && at + tasks <= room)) {
      throw new BatchError(`${tasks} labels from place ${at} do not fit ${room}; allocate more`)
    }
    checkEvent(event, this.schema.fields)
    for (let t = 0; t < tasks; t++) {
      const { valueIndex, atLeast, weightIndex } = this.#labels[t]
      const value = floatOf(event, valueIndex, this.schema.fields[valueIndex])
      const weight = weightIndex < 0 ? 1 : weightOf(event, weightIndex, this.schema.fields[weightIndex])
      into[at + t] = value >= atLeast ? 1 : 0
      weights[at + t] = Number.isNaN(value) ? 0 : weight
    }
  }

  /**
   * The first task's label of an event, 0 or 1: what downstream models rank by; null of what was taken when it could not have
   * been drawn, so that nothing tells it from what was not taken.
   *
   * @throws EventError where its outcome is missing
   */
  rankedLabel(event: LogEvent): 0 | 1 | null {
    checkEvent(event, this.schema.fields)
    const { valueIndex, atLeast } = this.#labels[0]
    const field = this.schema.fields[valueIndex]
    const value = floatOf(event, valueIndex, field)
    if (event.draw?.expected === 0) return null
    if (Number.isNaN(value)) {
      throw new EventError(event.row, field.name, 'is missing, so the first task has no label; leave the row out')
    }
    return value >= atLeast ? 1 : 0
  }
}

function sequenceOf({ sequence }: SideBatch): NonNullable<SideBatch['sequence']> {
  if (sequence === null) throw new BatchError('the batch has no sequence; allocate it for the user side')
  return sequence
}

/** A row's weight from field `i`, 1 where it is missing. */
function weightOf(event: LogEvent, i: number, field: Field): number {
  const weight = floatOf(event, i, field)
  if (weight < 0) throw new EventError(event.row, field.name, `is ${weight}; a weight of labels is at least 0`)
  return Number.isNaN(weight) ? 1 : weight
}

/** Compiles a schema. @throws SchemaError */
export function compileFeatures(schema: Schema): FeatureSpace {
  return new FeatureSpace(schema)
}

/** Writes `known` and the aggregations' columns; returns the place after them. */
function encodeStatistics(
  statistics: CompiledSide['statistics'],
  state: StateImage,
  elapsedMs: number,
  dense: Float32Array,
  start: number,
): number {
  dense[start] = state.eventCount > 0 ? 1 : 0
  let at = start + 1
  for (const statistic of statistics) {
    statistic.read(state.f64, elapsedMs, dense, at)
    at += statistic.columns.length
  }
  return at
}
