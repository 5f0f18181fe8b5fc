/**
 * Where records lie:
 *
 * - `hw:TENANT:{DIGEST}` a user's hash: `k` the user's key, `s` the state, `e` the events, `r:MODEL` a ring each, `t` the
 *   tombstone. All of a user is under one key, so that one script changes it in one step and one slot holds it.
 * - `hw:TENANT:i:{DIGEST}` an item's hash: `k`, `s`
 * - `hw:TENANT:format` the version of all this
 *
 * The digest is `digestOf(tenant, key)`, so that a name does not reveal the user. A tenant is written so that it holds
 * neither colon nor brace.
 */
import type { Table } from '../../record/record.ts'

export const fields = { key: 'k', state: 's', events: 'e', tombstone: 't' } as const
const ringPrefix = 'r:'

export type Kind = 'user' | 'item'

export interface HashName {
  readonly tenant: string
  readonly kind: Kind
  readonly digest: string
}

/** What stands before the digest in the name of a hash; `}` stands behind it. */
export function hashPrefix(tenant: string, kind: Kind): string {
  return kind === 'user' ? `hw:${escapeTenant(tenant)}:{` : `hw:${escapeTenant(tenant)}:i:{`
}

export function hashName(tenant: string, kind: Kind, digest: string): string {
  return `${hashPrefix(tenant, kind)}${digest}}`
}

export function formatName(tenant: string): string {
  return `hw:${escapeTenant(tenant)}:format`
}

/** For `SCAN … MATCH`: hashes of a tenant's users or items. */
export function hashPattern(tenant: string, kind: Kind): string {
  return `${hashPrefix(tenant, kind)}*`
}

/** Of whose a hash is; undefined for names that are not of this layout. */
export function parseHashName(name: string): HashName | undefined {
  const match = /^hw:([^:{}]+):(i:)?\{([\w-]{22})\}$/.exec(name)
  if (match === null) return undefined
  return { tenant: decodeURIComponent(match[1]), kind: match[2] === undefined ? 'user' : 'item', digest: match[3] }
}

/** Kind of hash in which a table's records lie. */
export function kindOf(table: Table): Kind {
  return table === 'item' ? 'item' : 'user'
}

export function fieldOf(table: Table, model: string | undefined): string {
  if (table === 'ring') return `${ringPrefix}${model}`
  if (table === 'events') return fields.events
  return table === 'tombstone' ? fields.tombstone : fields.state
}

/** Table and model of a field; undefined for the user's key and what is not of this layout. */
export function parseField(kind: Kind, field: string): { table: Table; model?: string } | undefined {
  if (field === fields.state) return { table: kind }
  if (kind === 'item') return undefined
  if (field === fields.events) return { table: 'events' }
  if (field === fields.tombstone) return { table: 'tombstone' }
  return field.startsWith(ringPrefix) ? { table: 'ring', model: field.slice(ringPrefix.length) } : undefined
}

function escapeTenant(tenant: string): string {
  return encodeURIComponent(tenant).replaceAll('*', '%2A')
}
