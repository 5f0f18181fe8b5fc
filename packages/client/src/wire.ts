/** What client and service speak: formats, messages and errors. */
export { bytesOf } from './codec/binary.ts'
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
export type { MessageLimits } from './codec/message-limits.ts'
export { checkKey, fieldOf, invalid, objectAt } from './codec/shape.ts'
export { type ErrorBody, type ErrorCode, errorStatus, isErrorCode, WireError } from './codec/wire-error.ts'
export { type EventColumns, type EventLimits, eventLimits, parseEventsMessage } from './messages/events-message.ts'
export { parseFeaturesMessage } from './messages/features-message.ts'
export type { ModelsAnswer } from './messages/models-message.ts'
export { type OutcomeColumns, type OutcomesAnswer, parseOutcomesMessage } from './messages/outcomes-message.ts'
export {
  type BatchLimits,
  parseReadMessage,
  type ReadMessage,
  readLimits,
  type VectorEncoding,
} from './messages/read-message.ts'
export {
  type ModelAnswer,
  parsePromoteMessage,
  type ServedSnapshotAnswer,
  type SnapshotChange,
  type SnapshotChangeAnswer,
} from './messages/snapshots-message.ts'
