import { type ErrorCode, WireError } from '@headwater/client/wire'
import { EventError } from '@headwater/features'
import {
  ContentionError,
  EncoderDiedError,
  LogReadError,
  LogWriteError,
  SnapshotRefusedError,
  UnknownModelError,
  UnknownSnapshotError,
} from '@headwater/pooling'
import {
  ForgetError,
  KeyError,
  NonFiniteVectorError,
  RequestError,
  StoreBusyError,
  StoreClosedError,
  StoreError,
  StoreFullError,
  StoreReadOnlyError,
  StoreUnavailableError,
  StoreWriteError,
} from '@headwater/store'
import type { FastifyError } from 'fastify'

type ErrorType = abstract new (...args: never[]) => Error

/** A subclass stands before its base. */
const codes: readonly (readonly [ErrorType, ErrorCode])[] = [
  [UnknownModelError, 'unknown_model'],
  [UnknownSnapshotError, 'unknown_snapshot'],
  [SnapshotRefusedError, 'snapshot_refused'],
  [ContentionError, 'contention'],
  [EventError, 'invalid_event'],
  [KeyError, 'invalid_key'],
  [RequestError, 'invalid_request'],
  [LogWriteError, 'log_unavailable'],
  [LogReadError, 'log_unavailable'],
  [EncoderDiedError, 'encoder_unavailable'],
  [StoreFullError, 'store_full'],
  [StoreClosedError, 'draining'],
  [StoreUnavailableError, 'store_unavailable'],
  [StoreWriteError, 'store_unavailable'],
  [StoreBusyError, 'store_unavailable'],
  [StoreReadOnlyError, 'store_unavailable'],
]

const fastifyCodes: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
}

/** What callers read of failures whose own messages name paths and addresses of the inside; the server's log has those. */
const outside: Partial<Record<ErrorCode, string>> = {
  log_unavailable: 'the log of events or outcomes cannot be written or read now; send the same again',
  store_unavailable: 'the store does not answer, or takes no writes now; send the same again',
  store_full: 'the store has no room for writes; reads go on',
}

/** Any failure as one of the protocol's. What is no fault of the request's tells nothing of the inside. */
export function wireErrorOf(error: unknown): WireError {
  if (error instanceof WireError) return error
  if (error instanceof ForgetError) {
    const failed = error.receipt.failed.map(({ where, reason }) => ({ where, reason: withoutPaths(reason) }))
    const details = { ...error.receipt, failed }
    return new WireError('forget_incomplete', withoutPaths(error.message), { cause: error, details })
  }
  for (const [type, code] of codes)
    if (error instanceof type)
      return new WireError(code, outside[code] ?? withoutPaths(error.message), { cause: error })
  const { code = '', statusCode = 500, message = '' } = (error ?? {}) as Partial<FastifyError>
  if (Object.hasOwn(fastifyCodes, code)) return new WireError(fastifyCodes[code], message, { cause: error })
  // What Fastify itself refuses: a URL or a content length that is none, a body that was cut off.
  if (statusCode >= 400 && statusCode < 500) return new WireError('malformed_http', message, { cause: error })
  return new WireError('internal', 'the server failed; its log says why', { cause: error })
}

/** Of an absolute path the last name: where it lies on the server is no caller's matter. */
function withoutPaths(text: string): string {
  return text.replace(/(?<![\w/])(?:\/[^\s/"',;()]+)+\/([^\s/"',;()]+)/g, '$1')
}

/** What a caller, an encoder, another holder or the server's end bring about is no failure of the store. */
const notTheStores: readonly ErrorType[] = [KeyError, RequestError, NonFiniteVectorError, StoreClosedError, ForgetError]

/** Whether the store failed in what it was asked. */
export function isStoreFailure(error: unknown): boolean {
  return error instanceof StoreError && !notTheStores.some((type) => error instanceof type)
}

/** What comes of a deadline, of the end, or of more requests than the service can answer, is told in figures alone. */
const passing: ReadonlySet<ErrorCode> = new Set(['deadline_exceeded', 'draining', 'overloaded'])

/** Whether an error is for the operator to look into. */
export function isServersOwn({ status, code }: WireError): boolean {
  return status >= 500 && !passing.has(code)
}
