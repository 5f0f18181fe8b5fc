import type { Scope } from './tokens.ts'

/**
 * Of routes that show how a server fares: `read`, and where a server answers no reads, as a worker of a cluster, `admin`.
 *
 * @param answered scopes that the server answers; absent: all
 */
export function lookScope(answered: readonly Scope[] | undefined): Scope {
  return answered === undefined || answered.includes('read') ? 'read' : 'admin'
}
