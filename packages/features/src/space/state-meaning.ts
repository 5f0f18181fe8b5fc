import type { Aggregation, Field, Schema } from '../schema/schema.ts'

const fieldParts = ['name', 'of', 'type', 'size', 'maxValues', 'buckets', 'values'] as const satisfies (keyof Field)[]
const aggregationParts = [
  ...(['name', 'of', 'kind', 'value', 'atLeast', 'by', 'shrinkage', 'prior', 'halfLifeDays'] as const),
] satisfies (keyof Aggregation)[]

/** What a state's bytes depend on; weights of tasks, say, may change without making states void. */
export function stateMeaning({ fields, aggregations, sequence }: Schema): string {
  const inState = fields.filter((field) => field.of === 'user' || aggregations.some(({ by }) => by === field.name))
  const bucketsOf = (category: string) => fields.find(({ name }) => name === category)?.buckets
  return JSON.stringify([
    inState.map((field) => fieldParts.map((part) => field[part])),
    aggregations.map((aggregation) => [
      ...aggregationParts.map((part) => aggregation[part]),
      // Nothing is added without it, so that states from before it could be asked for stay good.
      ...(aggregation.halfLifeEvents === undefined ? [] : [aggregation.halfLifeEvents]),
    ]),
    sequence && [
      sequence.length,
      sequence.value,
      sequence.buckets,
      // Nothing is added without categories, so that states from before there were any stay good.
      ...(sequence.categories ?? []).map((name) => [name, bucketsOf(name)]),
      // Nor without residuals.
      ...(sequence.residual ? ['residual'] : []),
    ],
  ])
}
