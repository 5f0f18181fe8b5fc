import { SchemaError } from './schema-error.ts'

type JsonObject = Record<string, unknown>

const namePattern = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/

/** Checks of single JSON values; each throws a SchemaError that names the source and the path. */
export class SchemaChecker {
  readonly source: string

  constructor(source: string) {
    this.source = source
  }

  fail(path: string, reason: string, remedy: string): never {
    throw new SchemaError(this.source, path, reason, remedy)
  }

  /** An object whose keys are all allowed; a key holding undefined counts as absent. */
  object(value: unknown, path: string, allowed: readonly string[]): JsonObject {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.fail(path, `is ${describe(value)}`, `give an object with the keys ${allowed.join(', ')}`)
    }
    const unknown = Object.keys(value).find((key) => !allowed.includes(key))
    if (unknown !== undefined) {
      const at = path === '(root)' ? unknown : `${path}.${unknown}`
      this.fail(at, `unknown key "${unknown}"`, `remove it or use one of ${allowed.join(', ')}`)
    }
    return value as JsonObject
  }

  list(value: unknown, path: string, atLeast: number, atMost: number): readonly unknown[] {
    if (!Array.isArray(value)) this.fail(path, `is ${describe(value)}`, 'give a list')
    if (value.length < atLeast || value.length > atMost) {
      this.fail(path, `has ${value.length} entries`, `give ${atLeast} to ${atMost}`)
    }
    return value
  }

  /** Text of 1 to 512 characters. */
  text(value: unknown, path: string): string {
    if (typeof value !== 'string' || value.length === 0 || value.length > 512) {
      this.fail(path, `is ${describe(value)}`, 'give a text of 1 to 512 characters')
    }
    return value
  }

  /** An identifier, unique among `taken`, to which it is added. */
  newName(value: unknown, path: string, taken: Set<string>): string {
    if (typeof value !== 'string' || !namePattern.test(value)) {
      this.fail(
        path,
        `is ${describe(value)}`,
        'give 1 to 64 letters, digits, "_" or "-", not starting with a digit or "-"',
      )
    }
    if (taken.has(value))
      this.fail(path, `"${value}" is taken, by another or as a reserved name`, 'choose a name of its own')
    taken.add(value)
    return value
  }

  oneOf<Choice extends string>(value: unknown, path: string, choices: readonly Choice[]): Choice {
    const found = choices.find((choice) => choice === value)
    if (found === undefined) this.fail(path, `is ${describe(value)}`, `use one of ${choices.join(', ')}`)
    return found
  }

  integer(value: unknown, path: string, atLeast: number, atMost: number): number {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < atLeast || value > atMost) {
      this.fail(path, `is ${describe(value)}`, `give a whole number from ${atLeast} to ${atMost}`)
    }
    return value
  }

  number(value: unknown, path: string, atLeast: number, atMost: number): number {
    if (typeof value !== 'number' || !(value >= atLeast && value <= atMost)) {
      this.fail(path, `is ${describe(value)}`, `give a number from ${atLeast} to ${atMost}`)
    }
    return value
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
