/** Inputs of what a user is and has: columns, fields, ids. Shape letters: R rows, M values a field at most. */
import type { SideBatch } from '@headwater/features'
import type { SourceOf } from '../map/input-map.ts'
import type { Filler, FillerContext } from './filler.ts'
import { tableRows } from './table-rows.ts'

export function columnsFiller({ names }: SourceOf<'columns'>, { layout, fail }: FillerContext): Filler {
  const places = names.map((name) => {
    const place = layout.dense.indexOf(name)
    if (place < 0) throw fail(`there is no column "${name}"`, `the schema's user side has ${layout.dense.join(', ')}`)
    return place
  })
  const F = layout.dense.length
  return {
    dims: [places.length],
    fill: ({ rows, dense }) => {
      const values = new Float64Array(rows * places.length)
      for (let r = 0, at = 0; r < rows; r++) for (const place of places) values[at++] = dense[r * F + place]
      return values
    },
  }
}

export function fieldFiller({ name, missing = 0 }: SourceOf<'field'>, { schema, layout, fail }: FillerContext): Filler {
  const field = schema.fields.find((own) => own.name === name && own.of === 'user')
  if (field?.type !== 'float' && field?.type !== 'vector') {
    const known = schema.fields.filter(({ of, type }) => of === 'user' && (type === 'float' || type === 'vector'))
    throw fail(
      `the user has no float or vector "${name}"`,
      `the schema has ${known.map((own) => own.name).join(', ') || 'none'}; for statistics use "columns"`,
    )
  }
  const { size = 1, center = 0, scale = 1 } = field
  const isVector = field.type === 'vector'
  const from = layout.dense.indexOf(isVector ? `${name}[0]` : name)
  const flag = layout.dense.indexOf(`${name}.missing`)
  const F = layout.dense.length
  return {
    dims: isVector ? [size] : [],
    fill: ({ rows, dense }) => {
      const values = new Float64Array(rows * size)
      for (let r = 0; r < rows; r++)
        for (let k = 0; k < size; k++)
          values[r * size + k] = dense[r * F + flag] === 1 ? missing : dense[r * F + from + k] * scale + center
      return values
    },
  }
}

export function idsFiller(source: SourceOf<'ids'>, context: FillerContext): Filler {
  const { at, maxValues, buckets } = bagOf(source.name, context)
  const { padding, rowOf, vocabulary, extremes } = tableRows(source, source.name, buckets, context)
  const each = ({ rows, bags }: SideBatch, use: (place: number, bucket: number) => void) => {
    const { ids, lengths } = bags[at]
    for (let r = 0; r < rows; r++)
      for (let m = 0; m < maxValues; m++) use(r * maxValues + m, m < lengths[r] ? ids[r * maxValues + m] : -1)
  }
  return {
    dims: [maxValues],
    areRows: true,
    extremes,
    fill: (batch) => {
      const values = new Float64Array(batch.rows * maxValues)
      // With a vocabulary a missing value is no key; bucket 0 stands for it otherwise.
      each(batch, (place, bucket) => {
        values[place] = bucket < 0 || (bucket === 0 && vocabulary) ? padding : rowOf(bucket)
      })
      return values
    },
    ...(vocabulary && {
      vocabulary,
      coverage: (batch: SideBatch) => {
        let [known, keys] = [0, 0]
        each(batch, (_, bucket) => {
          if (bucket <= 0) return
          keys++
          if (vocabulary.placeOf(bucket) !== undefined) known++
        })
        return { known, keys }
      },
    }),
  }
}

export function idsCountFiller({ name }: SourceOf<'ids-count'>, context: FillerContext): Filler {
  const { at } = bagOf(name, context)
  return { dims: [], fill: ({ rows, bags }) => Float64Array.from(bags[at].lengths.subarray(0, rows)) }
}

function bagOf(name: string, { layout, fail }: FillerContext) {
  const at = layout.bags.findIndex((bag) => bag.name === name)
  if (at < 0)
    throw fail(
      `the user has no id or ids "${name}"`,
      `the schema has ${layout.bags.map((bag) => bag.name).join(', ') || 'none'}`,
    )
  const { maxValues, buckets } = layout.bags[at]
  return { at, maxValues, buckets }
}

export function calendarFiller({ name, first = 0 }: SourceOf<'calendar'>, { layout, fail }: FillerContext): Filler {
  const at = layout.bags.findIndex((bag) => bag.name === name)
  if (at < 0) throw fail(`the user has no ${name}`, `add "userCalendar": ["${name}"] to the schema`)
  return {
    dims: [],
    extremes: [first, first + layout.bags[at].buckets - 2],
    // Bucket 0 is that of a missing value, which a time never is.
    fill: ({ rows, bags }) => Float64Array.from({ length: rows }, (_, r) => first + bags[at].ids[r] - 1),
  }
}
