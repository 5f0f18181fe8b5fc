/** Every code that a failed request may carry, with the status it comes with. A code keeps its meaning for ever. */
export const errorStatus = {
  malformed_body: 400,
  invalid_request: 400,
  invalid_key: 400,
  invalid_event: 400,
  invalid_outcome: 400,
  malformed_http: 400,
  unauthenticated: 401,
  forbidden: 403,
  loopback_only: 403,
  cross_site: 403,
  unknown_route: 404,
  unknown_model: 404,
  unknown_snapshot: 404,
  no_item_vectors: 404,
  not_acceptable: 406,
  request_timeout: 408,
  snapshot_refused: 409,
  unmanaged_model: 409,
  too_many_downstreams: 409,
  body_too_large: 413,
  batch_too_large: 413,
  unsupported_media_type: 415,
  too_many_requests: 429,
  headers_too_large: 431,
  internal: 500,
  forget_incomplete: 500,
  contention: 503,
  store_unavailable: 503,
  log_unavailable: 503,
  encoder_unavailable: 503,
  draining: 503,
  not_ready: 503,
  overloaded: 503,
  deadline_exceeded: 504,
  store_full: 507,
} as const

export type ErrorCode = keyof typeof errorStatus

/** A request, or an answer, that breaks the protocol: what is wrong, where, and what to do. */
export class WireError extends Error {
  override name = 'WireError'
  readonly code: ErrorCode
  readonly status: number
  readonly details: unknown

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly details?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.code = code
    this.status = errorStatus[code]
    this.details = options.details
  }
}

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorStatus, code)
}
