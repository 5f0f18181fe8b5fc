/**
 * What schemas of messages are written with. A schema is of a body in JSON; in MessagePack it is the same but for columns of
 * numbers, which may be little-endian binaries. Keywords that begin with `x-` are for the service's checks and description:
 *
 * - `x-limit`: the limit of the server that bounds a list's length
 * - `x-rows`: the column that this one must be as long as, and what one row is
 * - `x-binary`: the numbers of a column's binary
 * - `x-code`: code of the error for a value of the right kind that is not good; default `invalid_request`
 * - `x-give`: what to give in its place; `x-noun`: what a text is not
 * - `x-open`: left to another check, which knows the schema of the model
 */
import Type, { type Static, type TObjectOptions, type TProperties, type TSchema } from 'typebox'
import { keyProblem } from '../codec/key.ts'

type ReadOnly<T> = T extends ArrayBufferView
  ? T
  : T extends readonly (infer Entry)[]
    ? readonly ReadOnly<Entry>[]
    : T extends object
      ? { readonly [Name in keyof T]: ReadOnly<T[Name]> }
      : T

/** Values of a schema. */
export type Message<S extends TSchema> = ReadOnly<Static<S>>

export const binaryTypes = { f32: Float32Array, f64: Float64Array, u32: Uint32Array, u8: Uint8Array } as const
export type BinaryType = keyof typeof binaryTypes

export const number = Type.Number()
export const integer = Type.Integer()
export const text = Type.String()
export const list = Type.Array

/** With these properties and no others. */
export const object = <P extends TProperties>(properties: P, options: TObjectOptions = {}) =>
  Type.Object(properties, { additionalProperties: false, ...options })

export const orNull = <S extends TSchema>(schema: S, options = {}) => Type.Union([schema, Type.Null()], options)

/** A property that may be left out, or null. */
export const optional = <S extends TSchema>(schema: S, options = {}) => Type.Optional(orNull(schema, options))

/** A user, an item or an event's id. */
export const key = Type.Refine(
  Type.String({ minLength: 1, maxLength: 512, 'x-code': 'invalid_key' }),
  (given) => keyProblem(given) === null,
)

/** Milliseconds since 1970. @param code of an error */
export const time = (code: string) =>
  Type.Number({ minimum: -8.64e15, maximum: 8.64e15, 'x-code': code, 'x-give': 'milliseconds since 1970' })

/** A column of a request: a list, or in MessagePack also a binary. @param rows the column it is as long as, and what a row is */
export const column = <Binary extends Float64Array | Uint8Array>(
  items: TSchema,
  binary: BinaryType,
  rows: readonly [of: string, one: string],
  description?: string,
) =>
  Type.Unsafe<readonly number[] | Binary>(
    Type.Array(items, {
      'x-limit': 'maxEvents',
      'x-rows': rows,
      'x-binary': binary,
      ...(description !== undefined && { description }),
    }),
  )

/** A column of an answer: a flat list, in MessagePack a binary. */
export const numbers = <Binary>(items: TSchema, binary: BinaryType | 'vectors', description: string) =>
  Type.Unsafe<Binary>(Type.Array(items, { 'x-binary': binary, description }))
