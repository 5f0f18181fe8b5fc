/**
 * Rules for JSON values. A rule is a JSON Schema and a check that accept the same values, made from one declaration, and the
 * type of what it reads follows from it. One convention holds everywhere: a key that is absent means without.
 */
import { ModelConfigError } from './config-error.ts'

export type JsonSchema = { readonly [keyword: string]: unknown }

export interface Rule<T> {
  readonly schema: JsonSchema
  /** @throws ModelConfigError */
  read(value: unknown, place: Place): T
}

/** Of a key that may be left out. */
export interface OptionalRule<T> extends Rule<T> {
  readonly optional: true
}

/** Where a value stands. */
interface Place {
  readonly source: string
  /** Empty for the whole. */
  readonly path: string
}

export type Keys = { readonly [key: string]: Rule<unknown> | OptionalRule<unknown> }

/** What a rule reads. */
type Read<R> = R extends Rule<infer T> ? T : never

type Flat<T> = { [K in keyof T]: T[K] }
type Left<K extends Keys> = { [N in keyof K]: K[N] extends OptionalRule<unknown> ? N : never }[keyof K]

/** An object of these keys. */
export type ReadKeys<K extends Keys> = Flat<
  { readonly [N in Exclude<keyof K, Left<K>>]: Read<K[N]> } & { readonly [N in Left<K>]?: Read<K[N]> }
>

/** An object that a `kind` names. */
export interface Kind {
  readonly description: string
  /** Besides `kind`. */
  readonly keys: Keys
}

/** What `kinds` reads: of one of these kinds, or of any. */
export type ReadKinds<Kinds extends { readonly [kind: string]: Kind }, Name = keyof Kinds> = Extract<
  { [K in keyof Kinds & string]: Flat<{ readonly kind: K } & ReadKeys<Kinds[K]['keys']>> }[keyof Kinds & string],
  { readonly kind: Name }
>

const keyOf = ({ source, path }: Place, key: string): Place => ({ source, path: path === '' ? key : `${path}.${key}` })

function fail({ source, path }: Place, reason: string, remedy: string): never {
  throw new ModelConfigError(source, path === '' ? '(root)' : path, reason, remedy)
}

/** A value that `accepts` takes as it is. */
function leaf<T>(schema: JsonSchema, accepts: (value: unknown) => boolean, remedy: string): Rule<T> {
  return {
    schema,
    read: (value, place) => (accepts(value) ? (value as T) : fail(place, `is ${describe(value)}`, remedy)),
  }
}

/** A whole number of `atLeast` to `atMost`; both are multiples of `step`. */
export function integer(description: string, atLeast: number, atMost: number, step = 1): Rule<number> {
  const schema = { description, type: 'integer', minimum: atLeast, maximum: atMost }
  return leaf(
    step === 1 ? schema : { ...schema, multipleOf: step },
    (value) => typeof value === 'number' && value >= atLeast && value <= atMost && value % step === 0,
    `give a ${step === 1 ? 'whole number' : `multiple of ${step}`} from ${atLeast} to ${atMost}`,
  )
}

/** A number of `atLeast` to `atMost`. */
export function number(description: string, atLeast: number, atMost: number): Rule<number> {
  return leaf(
    { description, type: 'number', minimum: atLeast, maximum: atMost },
    (value) => typeof value === 'number' && value >= atLeast && value <= atMost,
    `give a number from ${atLeast} to ${atMost}`,
  )
}

/** Of a key that is true or absent. */
export function flag(description: string): OptionalRule<true> {
  return optional(leaf({ description, const: true }, (value) => value === true, 'give true or leave it out'))
}

export function oneOf<const Choice extends string>(description: string, choices: readonly Choice[]): Rule<Choice> {
  return leaf(
    { description, enum: choices },
    (value) => choices.some((choice) => choice === value),
    `use one of ${choices.join(', ')}`,
  )
}

export function list<T>(description: string, of: Rule<T>, atLeast: number, atMost: number): Rule<readonly T[]> {
  return {
    schema: { description, type: 'array', items: of.schema, minItems: atLeast, maxItems: atMost },
    read: (value, place) => {
      if (!Array.isArray(value)) fail(place, `is ${describe(value)}`, 'give a list')
      if (value.length < atLeast || value.length > atMost)
        fail(place, `has ${value.length} entries`, `give ${atLeast} to ${atMost}`)
      return value.map((item, i) => of.read(item, { ...place, path: `${place.path}[${i}]` }))
    },
  }
}

export function optional<T>(rule: Rule<T>): OptionalRule<T> {
  return { ...rule, optional: true }
}

function readObject(value: unknown, place: Place, allowed: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    fail(place, `is ${describe(value)}`, `give an object with the keys ${allowed.join(', ')}`)
  const unknown = Object.keys(value).find((key) => !allowed.includes(key))
  if (unknown !== undefined)
    fail(keyOf(place, unknown), `unknown key "${unknown}"`, `remove it or use one of ${allowed.join(', ')}`)
  return value as Record<string, unknown>
}

const isOptional = (rule: Rule<unknown>): boolean => 'optional' in rule

/** An object of exactly these keys, optional ones where they are given. */
export function record<K extends Keys>(description: string, keys: K): Rule<ReadKeys<K>> {
  const names = Object.keys(keys)
  return {
    schema: {
      description,
      type: 'object',
      properties: Object.fromEntries(names.map((name) => [name, keys[name].schema])),
      required: names.filter((name) => !isOptional(keys[name])),
      additionalProperties: false,
    },
    read: (value, place) => {
      const object = readObject(value, place, names)
      const given = names.filter((name) => !isOptional(keys[name]) || Object.hasOwn(object, name))
      const entries = given.map((name) => [name, keys[name].read(object[name], keyOf(place, name))])
      return Object.fromEntries(entries) as ReadKeys<K>
    },
  }
}

/** An object whose `kind` says which other keys it has. */
export function kinds<Kinds extends { readonly [kind: string]: Kind }>(
  description: string,
  variants: Kinds,
): Rule<ReadKinds<Kinds>> {
  const kindOf = oneOf('', Object.keys(variants))
  const rules = new Map(
    Object.entries(variants).map(([kind, { description, keys }]) => [
      kind,
      record(description, { kind: { schema: { const: kind }, read: (value) => value }, ...keys }),
    ]),
  )
  return {
    schema: { description, oneOf: [...rules.values()].map(({ schema }) => schema) },
    read: (value, place) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        fail(place, `is ${describe(value)}`, 'give an object with a "kind"')
      const kind = kindOf.read((value as { kind?: unknown }).kind, keyOf(place, 'kind'))
      return rules.get(kind)!.read(value, place) as ReadKinds<Kinds>
    },
  }
}

function describe(value: unknown): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'string') return value.length > 60 ? `a text of ${value.length} characters` : `"${value}"`
  return String(value)
}
