export type { EventsMessage, WireValue } from '../wire/events-message.ts'
export type { ReceiptAnswer, ServedModelInfo } from '../wire/models-message.ts'
export type { AnsweredModel, ReadAnswer, VectorEncoding } from '../wire/read-message.ts'
export type { ErrorCode } from '../wire/wire-error.ts'
export { type CallOptions, type Client, type ClientOptions, createClient, type ReadOptions } from './client.ts'
export {
  AuthenticationError,
  BadRequestError,
  ClientError,
  DeadlineError,
  ForbiddenError,
  NotFoundError,
  OverloadedError,
  ProtocolError,
  ServerError,
  UnavailableError,
} from './errors.ts'
