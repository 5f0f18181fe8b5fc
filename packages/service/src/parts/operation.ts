import type { ErrorCode } from '@headwater/client/wire'
import type { TSchema } from 'typebox'
import { type Scope, scopes } from '../access/tokens.ts'

/** What the service's description says of a route, beside its path and the rule that guards it. */
export interface Operation {
  readonly id: string
  readonly summary: string
  /** Of the request's body. */
  readonly body?: TSchema
  /** Of the answer's body; a media type where that is no message. */
  readonly answer: TSchema | `text/${string}` | 'application/json' | 'application/zip'
  /** Of an answer with status 202. */
  readonly accepted?: TSchema
  /** Codes of errors, beside those that any guarded route and any body may have. */
  readonly errors?: readonly ErrorCode[]
  /** Names of parameters of the query, which are whole numbers, with what they mean. */
  readonly numbers?: Readonly<Record<string, string>>
}

/**
 * Of routes that show how a server fares: `read`, and where a server answers no reads, as a worker of a cluster, `admin`.
 *
 * @param answered scopes that the server answers; absent: all
 */
export const lookScope = (answered: readonly Scope[] = scopes): Scope => (answered.includes('read') ? 'read' : 'admin')

/** Options of a route that asks its callers for a scope. @param counted whether it counts against `maxConcurrent` */
export const asking = (scope: Scope, operation: Operation, counted = true) => ({
  config: { scope, counted, operation },
})
