import type { FieldOwner } from '@headwater/features'
import { LogError } from '../../log/log-error.ts'
import type { ColumnProfile } from '../columns/profile.ts'
import type { FieldRole, Roles } from './find-roles.ts'
import { unitOf } from './find-time.ts'

/** What somebody knows better than the columns tell. Absent: as it was found. */
export interface RoleChanges {
  readonly user?: string
  readonly item?: string
  readonly time?: string
  /** Null: the log has none. */
  readonly outcome?: string | null
  /** Whom other columns describe; null: left out. */
  readonly owners?: ReadonlyMap<string, FieldOwner | null>
}

/** Sets time, outcome and owners; user and item are as the roles have them. @throws LogError where a column cannot be that */
export function changeRoles(
  roles: Roles,
  profiles: readonly ColumnProfile[],
  { time, outcome: asked, owners = new Map() }: RoleChanges,
): Roles {
  const { user, item } = roles
  const profileOf = (name: string) => {
    const profile = profiles.find((one) => one.name === name)
    if (profile !== undefined) return profile
    const remedy = `name one of ${profiles.map((one) => `"${one.name}"`).join(', ')}`
    throw new LogError(`there is no column "${name}"`, remedy)
  }
  const cannot = (name: string, what: string, remedy: string) =>
    new LogError(`"${name}" is ${what}`, remedy, { field: name })
  const unit = time === undefined ? null : unitOf(profileOf(time))
  if (time !== undefined && unit === null)
    throw cannot(time, 'no time', 'name a column of s, ms or µs since 1970 or of ISO 8601 times')
  const newTime = time === undefined || unit === null ? roles.time : { column: time, unit }
  const taken: readonly (string | null | undefined)[] = [user, item, newTime?.column]
  const isTaken = roles.outcome !== null && taken.includes(roles.outcome)
  const outcome = asked === undefined ? (isTaken ? null : roles.outcome) : asked
  if (outcome !== null && outcome !== roles.outcome) {
    if (profileOf(outcome).numeric <= 0.98)
      throw cannot(outcome, 'no number', 'name a column of numbers, or of true and false')
    if (taken.includes(outcome)) throw cannot(outcome, 'user, item or time', 'name another column as the outcome')
  }
  for (const name of owners.keys()) profileOf(name)
  const known = new Map(roles.fields.map((field) => [field.column, field]))
  const left = (column: string): FieldRole => ({ column, of: null, type: 'id', why: 'is left out' })
  const fields = profiles
    .filter(({ name }) => !taken.includes(name))
    .map(({ name, numeric }): FieldRole => {
      if (name === outcome) return { column: name, of: 'outcome', type: 'float', why: 'says what came of it' }
      const field = known.get(name) ?? left(name)
      const of = owners.get(name)
      if (of === undefined || of === field.of) return field
      if (of === null) return left(name)
      const type = field.of === null && numeric > 0.98 ? 'float' : field.type
      if (of === 'outcome' && type !== 'float' && type !== 'id')
        throw cannot(name, 'a list', 'leave it out, or name whom it describes')
      return { ...field, of, type, why: 'as you say' }
    })
  return { ...roles, time: newTime, outcome, fields }
}
