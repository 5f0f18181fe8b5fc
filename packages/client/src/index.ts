import { Client, type ClientOptions } from './client/client.ts'
import { fetchExchange } from './transport/fetch-exchange.ts'

export type {
  CallOptions,
  Client,
  ClientOptions,
  FeaturesOptions,
  ItemsOptions,
  ReadOptions,
} from './client/client.ts'
export type { AnsweredItems } from './client/item-answers.ts'
export type { AnsweredModel, ReadAnswer } from './client/read-answer.ts'
export type { ErrorCode } from './codec/wire-error.ts'
export type {
  ErrorAnswer,
  EventsRequest,
  ItemTable,
  LoadingSnapshot,
  ModelInfo,
  ModelSnapshots,
  ModelsAnswer,
  OutcomesAnswer,
  OutcomesRequest,
  PanelComparison,
  Receipt,
  ServedSnapshot,
  ShadowReport,
  SnapshotChange,
  SnapshotInfo,
  VectorEncoding,
  WireValue,
} from './schemas/messages.ts'
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
} from './transport/errors.ts'
export type { ExchangeRequest } from './transport/exchange.ts'

/** A client of the service at a URL; it holds no connection until it is used, and needs no closing. */
export function createClient(options: ClientOptions): Client {
  // Called on its own: browsers refuse a fetch that is some object's method.
  const { url, fetch: ask = (...args: Parameters<typeof fetch>) => fetch(...args) } = options
  return new Client(options, fetchExchange(url.replace(/\/+$/, ''), ask))
}
