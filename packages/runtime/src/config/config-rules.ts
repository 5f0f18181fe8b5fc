/** Rules for JSON values. A rule is a JSON Schema and a check that accept the same values, made from one declaration. */
import { ModelConfigError } from './config-error.ts'

export type JsonSchema = { readonly [keyword: string]: unknown }

export interface Rule<T> {
  readonly schema: JsonSchema
  /** @throws ModelConfigError */
  read(value: unknown, place: Place): T
  /** Whether the key that it is of may be left out. */
  readonly optional?: boolean
}

/** Where a value stands. */
export interface Place {
  readonly source: string
  /** Empty for the whole. */
  readonly path: string
}

const keyOf = ({ source, path }: Place, key: string): Place => ({ source, path: path === '' ? key : `${path}.${key}` })

function fail({ source, path }: Place, reason: string, remedy: string): never {
  throw new ModelConfigError(source, path === '' ? '(root)' : path, reason, remedy)
}

/** A whole number of `atLeast` to `atMost`; both are multiples of `step`. */
export function integer(description: string, atLeast: number, atMost: number, step = 1): Rule<number> {
  const remedy = `give a ${step === 1 ? 'whole number' : `multiple of ${step}`} from ${atLeast} to ${atMost}`
  return {
    schema: {
      description,
      type: 'integer',
      minimum: atLeast,
      maximum: atMost,
      ...(step === 1 ? {} : { multipleOf: step }),
    },
    read: (value, place) =>
      typeof value === 'number' && value >= atLeast && value <= atMost && value % step === 0
        ? value
        : fail(place, `is ${describe(value)}`, remedy),
  }
}

/** A number of `atLeast` to `atMost`. */
export function number(description: string, atLeast: number, atMost: number): Rule<number> {
  return {
    schema: { description, type: 'number', minimum: atLeast, maximum: atMost },
    read: (value, place) =>
      typeof value === 'number' && value >= atLeast && value <= atMost
        ? value
        : fail(place, `is ${describe(value)}`, `give a number from ${atLeast} to ${atMost}`),
  }
}

export function boolean(description: string): Rule<boolean> {
  return {
    schema: { description, type: 'boolean' },
    read: (value, place) =>
      typeof value === 'boolean' ? value : fail(place, `is ${describe(value)}`, 'give true or false'),
  }
}

export function oneOf<const Choice extends string>(description: string, choices: readonly Choice[]): Rule<Choice> {
  return {
    schema: { description, enum: choices },
    read: (value, place) =>
      choices.find((choice) => choice === value) ??
      fail(place, `is ${describe(value)}`, `use one of ${choices.join(', ')}`),
  }
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

export function orNull<T>(rule: Rule<T>): Rule<T | null> {
  return {
    schema: { anyOf: [rule.schema, { type: 'null' }] },
    read: (value, place) => (value === null ? null : rule.read(value, place)),
  }
}

/** Of a key that may be left out; what that means stands beside it. */
export function optional<T>(rule: Rule<T>): Rule<T> {
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

/** An object of exactly these keys, optional ones where they are given. */
export function record<T extends object>(
  description: string,
  keys: { readonly [K in keyof T]-?: Rule<Exclude<T[K], undefined>> },
): Rule<T> {
  const names = Object.keys(keys) as (keyof T & string)[]
  return {
    schema: {
      description,
      type: 'object',
      properties: Object.fromEntries(names.map((name) => [name, keys[name].schema])),
      required: names.filter((name) => !keys[name].optional),
      additionalProperties: false,
    },
    read: (value, place) => {
      const object = readObject(value, place, names)
      const given = names.filter((name) => !keys[name].optional || Object.hasOwn(object, name))
      return Object.fromEntries(given.map((name) => [name, keys[name].read(object[name], keyOf(place, name))])) as T
    },
  }
}

/** An object whose `kind` says which other keys it has. */
export function kinds<T extends { readonly kind: string }>(
  description: string,
  variants: {
    readonly [Kind in T['kind']]: {
      readonly [K in Exclude<keyof Extract<T, { kind: Kind }>, 'kind'>]: Rule<Extract<T, { kind: Kind }>[K]>
    }
  },
): Rule<T> {
  const kindOf = oneOf('', Object.keys(variants))
  const entries = Object.entries<{ readonly [key: string]: Rule<unknown> }>(variants)
  return {
    schema: {
      description,
      oneOf: entries.map(([kind, keys]) => ({
        type: 'object',
        properties: {
          kind: { const: kind },
          ...Object.fromEntries(Object.entries(keys).map(([name, { schema }]) => [name, schema])),
        },
        required: ['kind', ...Object.keys(keys)],
        additionalProperties: false,
      })),
    },
    read: (value, place) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        fail(place, `is ${describe(value)}`, 'give an object with a "kind"')
      const kind = kindOf.read((value as { kind?: unknown }).kind, keyOf(place, 'kind'))
      const keys = Object.entries(entries.find(([name]) => name === kind)![1])
      const object = readObject(value, place, ['kind', ...keys.map(([name]) => name)])
      return {
        kind,
        ...Object.fromEntries(keys.map(([name, rule]) => [name, rule.read(object[name], keyOf(place, name))])),
      } as unknown as T
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
