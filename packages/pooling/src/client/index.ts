import { Client, type ClientOptions } from './client.ts'
import { fetchExchange } from './fetch-exchange.ts'

export type { PanelComparison, ShadowReport, SnapshotInfo } from '../model-control.ts'
export type { EventsMessage, WireValue } from '../wire/events-message.ts'
export type { ReceiptAnswer, ServedModelInfo } from '../wire/models-message.ts'
export type { OutcomesAnswer, OutcomesMessage } from '../wire/outcomes-message.ts'
export type { AnsweredModel, ReadAnswer, VectorEncoding } from '../wire/read-message.ts'
export type { ModelAnswer, ServedSnapshotAnswer } from '../wire/snapshots-message.ts'
export type { ErrorCode } from '../wire/wire-error.ts'
export type {
  CallOptions,
  Client,
  ClientOptions,
  FeaturesOptions,
  ReadOptions,
} from './client.ts'
export {
  AuthenticationError,
  BadRequestError,
  ClientError,
  ConflictError,
  DeadlineError,
  ForbiddenError,
  NotFoundError,
  OverloadedError,
  ProtocolError,
  ServerError,
  UnavailableError,
} from './errors.ts'

/** A client of the service at a URL; it holds no connection until it is used, and needs no closing. */
export function createClient(options: ClientOptions): Client {
  // Called on its own: browsers refuse a fetch that is some object's method.
  const { url, fetch: ask = (...args: Parameters<typeof fetch>) => fetch(...args) } = options
  return new Client(options, fetchExchange(url.replace(/\/+$/, ''), ask))
}
