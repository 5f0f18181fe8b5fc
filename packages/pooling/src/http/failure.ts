import { EventError } from '@headwater/features'
import {
  ForgetError,
  KeyError,
  RequestError,
  StoreBusyError,
  StoreClosedError,
  StoreFullError,
  StoreReadOnlyError,
  StoreUnavailableError,
  StoreWriteError,
} from '@headwater/store'
import { ContentionError, UnknownModelError } from '../errors.ts'
import { type ErrorCode, WireError } from '../wire/wire-error.ts'

type ErrorType = abstract new (...args: never[]) => Error

/** A subclass stands before its base. */
const codes: readonly (readonly [ErrorType, ErrorCode])[] = [
  [UnknownModelError, 'unknown_model'],
  [ContentionError, 'contention'],
  [EventError, 'invalid_event'],
  [KeyError, 'invalid_key'],
  [RequestError, 'invalid_request'],
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

/** Any failure as one of the protocol's. What is no fault of the request's tells nothing of the inside. */
export function wireErrorOf(error: unknown): WireError {
  if (error instanceof WireError) return error
  if (error instanceof ForgetError) {
    return new WireError('forget_incomplete', error.message, { cause: error, details: error.receipt })
  }
  for (const [type, code] of codes)
    if (error instanceof type) return new WireError(code, error.message, { cause: error })
  const {
    code = '',
    statusCode = 500,
    message = '',
  } = (error ?? {}) as Partial<Record<'code' | 'message', string>> & {
    statusCode?: number
  }
  if (Object.hasOwn(fastifyCodes, code)) return new WireError(fastifyCodes[code], message, { cause: error })
  // What Fastify itself refuses: a URL or a content length that is none, a body that was cut off.
  if (statusCode >= 400 && statusCode < 500) return new WireError('malformed_http', message, { cause: error })
  return new WireError('internal', 'the server failed; its log says why', { cause: error })
}
