import { SchemaError } from './schema-error.ts'

type JsonObject = Record<string, unknown>

/** Checks a JSON value; `path` is its place. Throws a SchemaError at the first thing that is wrong. */
export type Check = (checker: SchemaChecker, value: unknown, path: string) => void

/** Path of a whole schema. */
export const rootPath = '(root)'

const namePattern = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/

/** What checks share: the source, which errors name. */
export class SchemaChecker {
  readonly #source: string

  constructor(source: string) {
    this.#source = source
  }

  fail(path: string, reason: string, remedy: string): never {
    throw new SchemaError(this.#source, path, reason, remedy)
  }

  /** An object whose keys are all allowed. */
  object(value: unknown, path: string, allowed: readonly string[]): JsonObject {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.fail(path, `is ${describe(value)}`, `give an object with the keys ${allowed.join(', ')}`)
    }
    const unknown = Object.keys(value).find((key) => !allowed.includes(key))
    if (unknown !== undefined) {
      this.fail(inside(path, unknown), `unknown key "${unknown}"`, `remove it or use one of ${allowed.join(', ')}`)
    }
    return value as JsonObject
  }
}

/** An object with all of the required keys and any of the optional ones; a key holding undefined counts as absent. */
export function object(required: Record<string, Check>, optional: Record<string, Check> = {}): Check {
  const allowed = Object.keys({ ...required, ...optional })
  return (checker, value, path) => {
    const json = checker.object(value, path, allowed)
    for (const [key, check] of Object.entries(required)) check(checker, json[key], inside(path, key))
    for (const [key, check] of Object.entries(optional)) {
      if (json[key] !== undefined) check(checker, json[key], inside(path, key))
    }
  }
}

export function list(atLeast: number, atMost: number, entry: Check): Check {
  return (checker, value, path) => {
    if (!Array.isArray(value)) return checker.fail(path, `is ${describe(value)}`, 'give a list')
    if (value.length < atLeast || value.length > atMost) {
      checker.fail(path, `has ${value.length} entries`, `give ${atLeast} to ${atMost}`)
    }
    for (const [i, each] of value.entries()) entry(checker, each, `${path}[${i}]`)
  }
}

/** A list without repeats. */
export function distinct(atLeast: number, atMost: number, entry: Check): Check {
  const entries = list(atLeast, atMost, entry)
  return (checker, value, path) => {
    entries(checker, value, path)
    const all = value as readonly unknown[]
    const twice = all.findIndex((each, i) => all.indexOf(each) < i)
    if (twice >= 0) checker.fail(`${path}[${twice}]`, `"${all[twice]}" is listed twice`, 'list it once')
  }
}

/** Text of 1 to 512 characters. */
export const text: Check = (checker, value, path) => {
  if (typeof value === 'string' && value.length > 0 && value.length <= 512) return
  checker.fail(path, `is ${describe(value)}`, 'give a text of 1 to 512 characters')
}

/** An identifier that is not among `taken`, to which it is added. */
export function newName(taken: Set<string>): Check {
  return (checker, value, path) => {
    if (typeof value !== 'string' || !namePattern.test(value)) {
      const remedy = 'give 1 to 64 letters, digits, "_" or "-", not starting with a digit or "-"'
      return checker.fail(path, `is ${describe(value)}`, remedy)
    }
    if (taken.has(value)) {
      checker.fail(path, `"${value}" is taken, by another or as a reserved name`, 'choose a name of its own')
    }
    taken.add(value)
  }
}

export function oneOf(choices: readonly string[]): Check {
  return (checker, value, path) => {
    if (choices.includes(value as string)) return
    checker.fail(path, `is ${describe(value)}`, `use one of ${choices.join(', ')}`)
  }
}

export function integer(atLeast: number, atMost: number): Check {
  return (checker, value, path) => {
    if (Number.isInteger(value) && (value as number) >= atLeast && (value as number) <= atMost) return
    checker.fail(path, `is ${describe(value)}`, `give a whole number from ${atLeast} to ${atMost}`)
  }
}

export function number(atLeast: number, atMost: number): Check {
  return (checker, value, path) => {
    if (typeof value === 'number' && value >= atLeast && value <= atMost) return
    checker.fail(path, `is ${describe(value)}`, `give a number from ${atLeast} to ${atMost}`)
  }
}

function inside(path: string, key: string): string {
  return path === rootPath ? key : `${path}.${key}`
}

function describe(value: unknown): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'string') return value.length > 60 ? `a text of ${value.length} characters` : `"${value}"`
  return String(value)
}
