import type { Schema } from '../schema/schema.ts'

/** What a state's bytes depend on; weights of tasks, say, may change without making states void. */
export function stateMeaning(schema: Schema): string {
  const inState = schema.fields.filter(
    (field) => field.of === 'user' || schema.aggregations.some(({ by }) => by === field.name),
  )
  return JSON.stringify([
    inState.map(({ name, of, type, size, maxValues, buckets, values }) => [
      name,
      of,
      type,
      size,
      maxValues,
      buckets,
      values,
    ]),
    schema.aggregations.map(({ name, of, kind, value, atLeast, by, shrinkage, prior, halfLifeDays }) => [
      name,
      of,
      kind,
      value,
      atLeast,
      by,
      shrinkage,
      prior,
      halfLifeDays,
    ]),
    schema.sequence && [
      schema.sequence.length,
      schema.sequence.value,
      schema.sequence.buckets,
      // Nothing is added without categories, so that states from before there were any stay good.
      ...categoryMeanings(schema),
    ],
  ])
}

function categoryMeanings(schema: Schema) {
  const names = schema.sequence?.categories ?? []
  return names.map((name) => [name, schema.fields.find((field) => field.name === name)?.buckets])
}
