/** Random schemas, configs that suit them, and the events of a log of such a schema. */
import { compileFeatures, type Field, type LogEvent, parseSchema, type Schema } from '@headwater/features'
import {
  checkModelConfig,
  type ModelConfig,
  ModelConfigError,
  modelConfigSchema,
  parseModelConfig,
} from '@headwater/runtime'
import type { SeededRandom } from '@headwater/statistics'
import { drawValue } from './draw-value.ts'

export interface DrawnModel {
  readonly schema: Schema
  readonly config: ModelConfig
}

/** A config that the JSON Schema of configs admits, and a schema that it suits; drawn again until they do. */
export function drawModel(random: SeededRandom): DrawnModel {
  for (;;) {
    const schema = drawSchema(random)
    const { user, item } = compileFeatures(schema)
    try {
      const config = parseModelConfig(drawValue(modelConfigSchema, random), 'drawn')
      checkModelConfig(config, user, item)
      return { schema, config }
    } catch (error) {
      if (!(error instanceof ModelConfigError)) throw error
    }
  }
}

/** Every kind of feature of every side, some of them, none, or twice. */
function drawSchema(random: SeededRandom): Schema {
  const upTo = (most: number) => 1 + random.nextBelow(most)
  const buckets = () => 1 + upTo(12)
  const scaling = () => (random.nextBelow(2) ? { center: random.nextNormal(), scale: 0.5 + random.nextFloat() } : {})
  const fieldsOf = (of: Field['of']) =>
    (['float', 'vector', 'id', 'ids'] as const).flatMap((type) =>
      Array.from({ length: random.nextBelow(3) }, (_, i): Field => {
        const about = { name: `${of}-${type}-${i}`, of, type }
        if (type === 'float') return { ...about, ...scaling() }
        if (type === 'vector') return { ...about, size: upTo(5), ...scaling() }
        return { ...about, buckets: buckets(), ...(type === 'ids' && { maxValues: upTo(6) }) }
      }),
    )
  const fields: Field[] = [
    ...fieldsOf('user'),
    ...fieldsOf('item'),
    ...fieldsOf('context'),
    { name: 'rating', of: 'outcome', type: 'float' },
    { name: 'action', of: 'outcome', type: 'id', buckets: buckets() },
  ]
  const kept = fields.filter(({ of, type }) => of !== 'user' && type === 'id' && random.nextBelow(2))
  const sequence = {
    length: upTo(9),
    value: 'rating',
    buckets: buckets(),
    ...scaling(),
    categories: kept.map(({ name }) => name),
    halfLivesDays: Array.from({ length: random.nextBelow(4) }, (_, i) => 0.1 * 10 ** i),
  }
  const aggregations = [
    { name: 'user-events', of: 'user', kind: 'count' },
    { name: 'item-rating', of: 'item', kind: 'mean', value: 'rating' },
    { name: 'user-pause', of: 'user', kind: 'since' },
  ].filter(() => random.nextBelow(2))
  const someParts = () => (['hour', 'weekday'] as const).filter(() => random.nextBelow(2))
  const schema = {
    version: 1,
    name: 'drawn',
    user: 'user',
    item: 'item',
    time: { column: 'time', unit: 'ms' },
    fields,
    tasks: Array.from({ length: upTo(4) }, (_, t) => ({
      name: `task-${t}`,
      field: 'rating',
      atLeast: t + 1,
      weight: upTo(3) / 2,
    })),
    aggregations,
    ...(random.nextBelow(4) > 0 && { sequence }),
    itemBuckets: buckets(),
    calendar: someParts(),
    userCalendar: someParts(),
  }
  return parseSchema(schema, 'drawn')
}

/** Events of a few users and items, an hour apart; some of their values are missing. */
export function drawEvents({ fields }: Schema, count: number, random: SeededRandom): LogEvent[] {
  const word = () => `word ${random.nextBelow(20)}`
  const drawn = ({ type, size }: Field): LogEvent['values'][number] => {
    if (random.nextBelow(5) === 0) return null
    if (type === 'float') return 2.5 + 2 * random.nextNormal()
    if (type === 'vector') return Float32Array.from({ length: size! }, () => random.nextNormal())
    return type === 'id' ? word() : Array.from({ length: random.nextBelow(9) }, word)
  }
  return Array.from({ length: count }, (_, row) => ({
    row,
    user: `user ${random.nextBelow(4)}`,
    item: `item ${random.nextBelow(9)}`,
    timeMs: 3_600_000 * (row + 1),
    values: fields.map(drawn),
  }))
}
