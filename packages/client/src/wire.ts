/** What both ends of the wire are written with: formats, shapes and errors. */
export { arrayAt, bytesOf } from './codec/binary.ts'
export {
  answerTypeOf,
  contentTypeOf,
  type Format,
  formatOf,
  mediaTypes,
  packMessage,
  parseJson,
  unpackMessage,
} from './codec/formats.ts'
export { keyProblem } from './codec/key.ts'
export { type MessageLimits, maxDepth } from './codec/message-limits.ts'
export { fieldOf, invalid, kindOf, listAt, objectAt, show } from './codec/shape.ts'
export { type ErrorCode, errorStatus, isErrorCode, WireError } from './codec/wire-error.ts'
