import type { ErrorCode } from '../codec/wire-error.ts'

/** Base of every error of the client's. */
export class ClientError extends Error {
  override name = 'ClientError'
  /** As the server gave it; null where none came from it. */
  readonly code: ErrorCode | null
  /** Of the answer; 0 where there was none. */
  readonly status: number
  /** How long the server asks to wait before another try, or null. */
  readonly retryAfterMs: number | null
  /** For `forget_incomplete`, the receipt. */
  readonly details: unknown

  constructor(message: string, about: ErrorAbout = {}) {
    super(message, about.cause === undefined ? {} : { cause: about.cause })
    this.code = about.code ?? null
    this.status = about.status ?? 0
    this.retryAfterMs = about.retryAfterMs ?? null
    this.details = about.details
  }
}

export interface ErrorAbout {
  readonly code?: ErrorCode
  readonly status?: number
  readonly retryAfterMs?: number | null
  readonly details?: unknown
  readonly cause?: unknown
}

/** The request itself is wrong: its message says where. Sending it again does not help. */
export class BadRequestError extends ClientError {
  override name = 'BadRequestError'
}

/** No token, or one that the server does not know. */
export class AuthenticationError extends ClientError {
  override name = 'AuthenticationError'
}

/** A token without the scope that the call needs. */
export class ForbiddenError extends ClientError {
  override name = 'ForbiddenError'
}

/** A model or a route that the server has not. */
export class NotFoundError extends ClientError {
  override name = 'NotFoundError'
}

/** What the server holds stands against it, say a snapshot that is held back. */
export class ConflictError extends ClientError {
  override name = 'ConflictError'
}

/** The server has more requests than it can answer in time, or the caller sends more than it may. */
export class OverloadedError extends ClientError {
  override name = 'OverloadedError'
}

/** The server cannot be reached, is stopping, or its store does not answer. */
export class UnavailableError extends ClientError {
  override name = 'UnavailableError'
}

/** The deadline passed, here or at the server. What a write did is not known. */
export class DeadlineError extends ClientError {
  override name = 'DeadlineError'
}

/** The server failed; its log says why. */
export class ServerError extends ClientError {
  override name = 'ServerError'
}

/** An answer that is none of this protocol's. */
export class ProtocolError extends ClientError {
  override name = 'ProtocolError'
}

/** The class of an error answer. */
export function errorOf(message: string, about: ErrorAbout & { readonly status: number }): ClientError {
  const { status, code } = about
  if (status === 401) return new AuthenticationError(message, about)
  if (status === 403) return new ForbiddenError(message, about)
  if (status === 404) return new NotFoundError(message, about)
  if (status === 409) return new ConflictError(message, about)
  if (status === 429 || code === 'overloaded') return new OverloadedError(message, about)
  if (status === 503) return new UnavailableError(message, about)
  if (status === 504) return new DeadlineError(message, about)
  if (status >= 500) return new ServerError(message, about)
  if (status >= 400 && code !== undefined) return new BadRequestError(message, about)
  return new ProtocolError(message, about)
}
