/** Checks of bodies, compiled from their schemas. */

import { type BinaryType, binaryTypes } from '@headwater/client/schemas'
import { arrayAt, type ErrorCode, invalid, kindOf, show, WireError } from '@headwater/client/wire'
import type { Static, TObject, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { ServerLimits } from '../requests/limits.ts'
import { keyError } from './keys.ts'

type Node = Readonly<Record<string, unknown>>
type Body = Record<string, unknown>
/** Bounds of lists, by their names in schemas. */
export type ListLimits = Partial<Pick<ServerLimits, 'maxUsers' | 'maxModels' | 'maxItems' | 'maxEvents'>>

/**
 * A check of bodies. Columns that came as binaries are lists in what it gives, so that one schema holds for JSON and MessagePack.
 *
 * @returns the body @throws WireError `invalid_request`, `batch_too_large`, and the codes that the schema names
 */
export function checkOf<Schema extends TObject>(
  schema: Schema,
): (body: unknown, limits?: ListLimits) => Static<Schema> {
  const columns = Object.entries(schema.properties as Record<string, Node>)
  const properties = Object.fromEntries(columns.map(([name, node]) => [name, isOpen(node) ? {} : node]))
  const closed: Node = { ...(schema as Node), properties }
  const compiled = Compile(closed as TSchema)
  return (body, limits = {}) => {
    const message = isObject(body) ? withLists(columns, body, limits) : body
    if (!compiled.Check(message)) throw refusalOf(closed, compiled.Errors(message)[0], message)
    return message as Static<Schema>
  }
}

const isOpen = (node: Node) => node['x-open'] === true

function isObject(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)
}

/** The body with lists in place of binaries, all of them of the length that they are to have. */
function withLists(columns: readonly (readonly [string, Node])[], body: Body, limits: ListLimits): Body {
  const message = { ...body }
  for (const [name, node] of columns) {
    const { 'x-limit': limit, 'x-rows': rows, 'x-binary': binary } = node
    const given = Object.hasOwn(body, name) ? body[name] : undefined
    const [of, one] = (rows ?? []) as readonly string[]
    const count = of === undefined || !Array.isArray(message[of]) ? null : message[of].length
    if (binary !== undefined && given instanceof Uint8Array && count !== null)
      message[name] = Array.from(arrayAt(given, name, binaryTypes[binary as BinaryType] as typeof Float64Array, count))
    const column = message[name]
    if (!Array.isArray(column)) continue
    const most = limits[limit as keyof ListLimits] ?? Number.POSITIVE_INFINITY
    if (column.length > most) {
      const problem = `${name} has ${column.length} entries, over the limit of ${most}`
      throw new WireError('batch_too_large', `${problem}; send it in slices`)
    }
    if (count !== null && column.length !== count)
      throw invalid(name, `has ${column.length} entries, ${of} has ${count}; give one ${one}`)
  }
  return message
}

type Failure = ReturnType<ReturnType<typeof Compile>['Errors']>[number]

function refusalOf(schema: Node, failure: Failure, message: unknown): WireError {
  const { keyword, schemaPath, instancePath, params } = failure
  const path = partsOf(instancePath)
  if (keyword === 'boolean') {
    const known = Object.keys(schema.properties as object).join(', ')
    return invalid('the body', `has a field ${show(path[0])}; known are ${known}`)
  }
  if (keyword === 'required')
    return invalid((params as { requiredProperties: readonly string[] }).requiredProperties[0], 'is missing')
  const node = partsOf(schemaPath).reduce((at, part) => at[part] as Node, schema)
  const value = path.reduce<unknown>((at, part) => (at as Body)[part], message)
  const where = path.reduce((at, part) => (/^\d+$/.test(part) ? `${at}[${part}]` : part), 'the body')
  const { 'x-code': code = 'invalid_request', 'x-give': give = kinds[String(node.type)], 'x-noun': noun } = node
  if (code === 'invalid_key') return keyError(value, where)
  // A value of the right kind is quoted.
  const isNumber = typeof value === 'number' && !['string', 'array', 'object'].includes(String(node.type))
  const isText = typeof value === 'string' && noun !== undefined
  const given = isNumber ? String(value) : isText ? `no ${noun}` : kindOf(value)
  return new WireError(code as ErrorCode, `${where} is ${given}; give ${give}`)
}

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  array: 'a list',
  object: 'an object',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
}

const partsOf = (pointer: string) =>
  pointer
    .replace(/^#/, '')
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
