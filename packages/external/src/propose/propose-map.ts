/** A first map of a model's inputs, by their names and shapes. What cannot be told is null, which an import refuses by name. */
import { compileFeatures, type Schema, type SideLayout } from '@headwater/features'
import type { InputSource } from '../map/input-map.ts'
import type { ModelFacts, ModelPort } from '../model/model-facts.ts'

export interface ProposedMap {
  readonly version: 1
  readonly embeddings: { readonly output: string; readonly count: number; readonly width: number }
  readonly events?: { readonly last: number }
  readonly vocabularies: Readonly<Record<string, { readonly file: string }>>
  /** Null: to be filled in. */
  readonly inputs: Readonly<Record<string, InputSource | null>>
}

const plain = (name: string) =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ' ')
    .trim()
const has = (name: string, ...words: readonly string[]) => words.some((word) => plain(name).split(' ').includes(word))

export function proposeMap({ inputs, outputs }: ModelFacts, schema: Schema): ProposedMap {
  const layout = compileFeatures(schema).user
  const mapped = Object.fromEntries(inputs.map((port) => [port.name, sourceOf(port, schema, layout)]))
  const used = Object.values(mapped).flatMap((one) => (one && 'vocabulary' in one ? [one.vocabulary!] : []))
  const [{ name: output = '', dims = [] } = {}] = outputs
  const width = dims.at(-1)
  const last = inputs
    .filter(({ name }) => mapped[name]?.from.startsWith('event-') && mapped[name].from !== 'event-count')
    .map(({ dims: [, length] }) => length)
    .find((length) => typeof length === 'number')
  return {
    version: 1,
    embeddings: { output, count: 1, width: typeof width === 'number' ? width : 64 },
    ...(typeof last === 'number' && { events: { last } }),
    vocabularies: Object.fromEntries([...new Set(used)].map((name) => [name, { file: `${name}.json` }])),
    inputs: mapped,
  }
}

function sourceOf({ name, type, dims }: ModelPort, schema: Schema, layout: SideLayout): InputSource | null {
  const isWhole = type === 'int32' || type === 'int64'
  if (name.startsWith('bag.') && name.endsWith('.ids')) return ofBag(name.slice(4, -4), layout)
  if (name.startsWith('bag.') && name.endsWith('.lengths')) return { from: 'ids-count', name: name.slice(4, -8) }
  const field = schema.fields.find((own) => own.of === 'user' && plain(own.name) === plain(name))
  if (field?.type === 'id' || field?.type === 'ids') return { from: 'ids', name: field.name, vocabulary: field.name }
  if (field !== undefined) return { from: 'field', name: field.name }
  if (layout.dense.includes(name)) return { from: 'columns', names: [name] }
  if (!isWhole && dims.length === 2 && dims[1] === layout.dense.length && (layout.dense.length > 1 || name === 'dense'))
    return { from: 'columns', names: [...layout.dense] }
  // Ages may be in hours, and Headwater's own export gives buckets.
  const isOther = has(name, 'age', 'ages') || name.startsWith('sequence.')
  const part = isOther ? undefined : parts.find((own) => has(name, own, `${own}s`))
  const ofTime = part && ofCalendar(part, dims.length > 1 && typeof dims[1] === 'number' && dims[1] > 1, layout)
  if (ofTime) return ofTime
  return layout.sequence === null ? null : ofEvents(name, isWhole, layout.sequence)
}

const parts = ['hour', 'weekday'] as const

/** Where the schema has it. */
function ofCalendar(
  name: (typeof parts)[number],
  isOfEvents: boolean,
  { bags, sequence }: SideLayout,
): InputSource | null {
  if (isOfEvents) return sequence?.categories.some((own) => own.name === name) ? { from: 'event-calendar', name } : null
  return bags.some((bag) => bag.name === name) ? { from: 'calendar', name } : null
}

const ofBag = (name: string, { bags }: SideLayout): InputSource | null =>
  bags.some((bag) => bag.name === name) ? { from: 'ids', name } : null

function ofEvents(
  name: string,
  isWhole: boolean,
  { categories }: NonNullable<SideLayout['sequence']>,
): InputSource | null {
  // As Headwater's own export names them: hashed buckets.
  if (name === 'sequence.ids') return { from: 'event-items' }
  const own = categories.find((category) => name === `sequence.category.${category.name}`)
  if (own) return { from: 'event-category', name: own.name }
  if (name === 'sequence.channels') return { from: 'event-channels' }
  if (has(name, 'mask')) return { from: 'event-mask', ...(has(name, 'padding', 'pad') && { of: 'padding' as const }) }
  if (has(name, 'length', 'lengths', 'len', 'lens')) return { from: 'event-count' }
  if (has(name, 'age', 'ages', 'delta', 'deltas', 'gap', 'gaps', 'recency')) return { from: 'event-age' }
  const category = categories.find((one) => plain(name).includes(plain(one.name)))
  if (category && isWhole) return { from: 'event-category', name: category.name, vocabulary: category.name }
  if (isWhole && has(name, 'item', 'items', 'ids', 'history', 'sequence', 'seq', 'clicks'))
    return { from: 'event-items', vocabulary: 'items' }
  if (!isWhole && has(name, 'value', 'values', 'rating', 'ratings', 'outcome', 'outcomes', 'weights'))
    return { from: 'event-value' }
  return null
}
