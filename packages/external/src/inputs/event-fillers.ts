/** Inputs of a user's last events. Shape letters: R rows, N events of the window, L of the schema's sequence, C channels. */
import type { SideBatch } from '@headwater/features'
import type { SourceOf } from '../map/input-map.ts'
import type { Filler, FillerContext } from './filler.ts'
import { type TableRows, tableRows } from './table-rows.ts'

/** Of a sequence's channels: scaled outcome, log(1 + age in seconds) ÷ 16, 1 where the outcome is missing. */
const [valueChannel, ageChannel, missingChannel] = [0, 1, 2]
const logScale = 16

const secondsOf = { s: 1, h: 3600, d: 86_400 } as const

/** Which event stands where. */
class EventWindow {
  /** N */
  readonly last: number
  readonly length: number
  readonly channels: number
  readonly #isNewestFirst: boolean
  readonly #atStart: boolean

  constructor({ layout, map, fail }: FillerContext) {
    const { sequence } = layout
    if (sequence === null)
      throw fail('the schema keeps no events', 'give it a "sequence", or map the input to something else')
    const { last = sequence.length, order = 'oldest-first', pad = 'end' } = map.events ?? {}
    if (last > sequence.length)
      throw fail(
        `it asks for the last ${last} events`,
        `the schema's sequence keeps ${sequence.length}: raise "length"`,
      )
    this.last = last
    this.length = sequence.length
    this.channels = sequence.channels
    this.#isNewestFirst = order === 'newest-first'
    this.#atStart = pad === 'start'
  }

  countOf({ sequence }: SideBatch, row: number): number {
    return Math.min(sequence!.lengths[row], this.last)
  }

  /** @param use called with places of the window in [R, N] and of events in [R, L] */
  each(batch: SideBatch, use: (place: number, event: number) => void): void {
    const { lengths } = batch.sequence!
    for (let r = 0; r < batch.rows; r++) {
      const count = this.countOf(batch, r)
      const first = r * this.last + (this.#atStart ? this.last - count : 0)
      const end = r * this.length + lengths[r]
      for (let i = 0; i < count; i++) use(first + i, this.#isNewestFirst ? end - 1 - i : end - count + i)
    }
  }

  /** Numbers of the window, `padding` where there is no event. */
  filler(padding: number, readerOf: (batch: SideBatch) => (event: number) => number): Filler {
    return {
      dims: [this.last],
      fill: (batch) => {
        const values = new Float64Array(batch.rows * this.last).fill(padding)
        const read = readerOf(batch)
        this.each(batch, (place, event) => {
          values[place] = read(event)
        })
        return values
      },
    }
  }
}

export function eventItemsFiller(source: SourceOf<'event-items'>, context: FillerContext): Filler {
  const window = new EventWindow(context)
  const rows = tableRows(source, 'item', context.layout.sequence!.buckets, context)
  return withRows(window, rows, ({ sequence }) => sequence!.ids)
}

export function eventCategoryFiller(source: SourceOf<'event-category'>, context: FillerContext): Filler {
  const window = new EventWindow(context)
  const { categories } = context.layout.sequence!
  const at = categories.findIndex(({ name }) => name === source.name)
  if (at < 0)
    throw context.fail(
      `events have no category "${source.name}"`,
      `the schema's sequence keeps ${categories.map(({ name }) => name).join(', ') || 'none'}`,
    )
  const rows = tableRows(source, source.name, categories[at].buckets, context)
  return withRows(window, rows, ({ sequence }) => sequence!.categories[at])
}

function withRows(window: EventWindow, rows: TableRows, idsOf: (batch: SideBatch) => Uint32Array): Filler {
  const { padding, rowOf, vocabulary, extremes } = rows
  const filler = window.filler(padding, (batch) => {
    const ids = idsOf(batch)
    return (event) => rowOf(ids[event])
  })
  if (vocabulary === null) return { ...filler, areRows: true, extremes }
  const coverage = (batch: SideBatch) => {
    const ids = idsOf(batch)
    let [known, keys] = [0, 0]
    window.each(batch, (_, event) => {
      keys++
      if (vocabulary.placeOf(ids[event]) !== undefined) known++
    })
    return { known, keys }
  }
  return { ...filler, areRows: true, extremes, vocabulary, coverage }
}

export function eventValueFiller(
  { missing = 0, padding = 0 }: SourceOf<'event-value'>,
  context: FillerContext,
): Filler {
  const window = new EventWindow(context)
  const { center = 0, scale = 1 } = context.schema.sequence!
  return window.filler(padding, ({ sequence }) => (event) => {
    const at = event * window.channels
    return sequence!.channels[at + missingChannel] === 1
      ? missing
      : sequence!.channels[at + valueChannel] * scale + center
  })
}

export function eventCalendarFiller(
  { name, first = 0, padding = 0 }: SourceOf<'event-calendar'>,
  context: FillerContext,
): Filler {
  const window = new EventWindow(context)
  const { categories } = context.layout.sequence!
  const at = categories.findIndex((category) => category.name === name)
  if (at < 0) throw context.fail(`events have no ${name}`, `add "calendar": ["${name}"] to the schema's "sequence"`)
  return {
    ...window.filler(padding, ({ sequence }) => {
      const buckets = sequence!.categories[at]
      return (event) => first + buckets[event] - 1
    }),
    extremes: [padding, first, first + categories[at].buckets - 2],
  }
}

export function eventAgeFiller({ unit = 's', padding = 0 }: SourceOf<'event-age'>, context: FillerContext): Filler {
  const window = new EventWindow(context)
  const filler = window.filler(padding, ({ sequence }) => (event) => {
    const age = sequence!.channels[event * window.channels + ageChannel]
    return unit === 'log' ? age : Math.expm1(logScale * age) / secondsOf[unit]
  })
  return unit === 's' ? { ...filler, passesHalf: true } : filler
}

export function eventChannelsFiller(_: SourceOf<'event-channels'>, context: FillerContext): Filler {
  const window = new EventWindow(context)
  const C = window.channels
  return {
    dims: [window.last, C],
    fill: (batch) => {
      const values = new Float64Array(batch.rows * window.last * C)
      const { channels } = batch.sequence!
      window.each(batch, (place, event) => {
        for (let c = 0; c < C; c++) values[place * C + c] = channels[event * C + c]
      })
      return values
    },
  }
}

export function eventMaskFiller({ of = 'events' }: SourceOf<'event-mask'>, context: FillerContext): Filler {
  const there = of === 'events' ? 1 : 0
  return new EventWindow(context).filler(1 - there, () => () => there)
}

export function eventCountFiller(_: SourceOf<'event-count'>, context: FillerContext): Filler {
  const window = new EventWindow(context)
  return { dims: [], fill: (batch) => Float64Array.from({ length: batch.rows }, (_, r) => window.countOf(batch, r)) }
}
