import type { FieldOwner, FieldType } from '@headwater/features'
import type { ColumnProfile } from '../columns/profile.ts'
import type { FoundKeys } from './find-keys.ts'
import { type FoundTime, findTime } from './find-time.ts'
import { has, placeIn } from './words.ts'

/** Of a column: for how many of the users (and items) with several events it has one value. */
export interface Fixed {
  readonly user: number
  readonly item: number
}

export interface FieldRole {
  readonly column: string
  /** Null: left out. */
  readonly of: FieldOwner | null
  readonly type: FieldType
  /** Of lists that are texts. */
  readonly separator?: string
  /** Of vectors. */
  readonly size?: number
  readonly why: string
}

/** What each column of a log is. */
export interface Roles {
  readonly user: string | null
  readonly item: string | null
  readonly time: FoundTime | null
  /** The outcome that models rank by. Null: the log has none, only what was taken. */
  readonly outcome: string | null
  /** All other columns, and the outcome. */
  readonly fields: readonly FieldRole[]
  readonly doubts: readonly string[]
}

const isFixedFrom = 0.98
/** Mean length of a text that is read, not counted. */
const freeText = 40
const mostCategories = 50_000

/** @param fixed of each column; without one it is taken for changing */
export function findRoles(
  profiles: readonly ColumnProfile[],
  { user, item, rowIds, doubts: ofKeys }: FoundKeys,
  fixed: ReadonlyMap<string, Fixed>,
): Roles {
  const doubts = [...ofKeys]
  const fixedBy = (name: string) => {
    const { user: byUser, item: byItem } = fixed.get(name) ?? { user: 0, item: 0 }
    return Math.max(byUser, byItem) < isFixedFrom ? null : byUser > byItem ? 'user' : 'item'
  }
  const others = profiles.filter(({ name }) => name !== user && name !== item && !rowIds.includes(name))
  const times = findTime(others, (name) => fixedBy(name) !== null)
  doubts.push(...times.doubts)
  const rest = others.filter(({ name }) => name !== times.time?.column)
  const outcome = findOutcome(
    rest.filter(({ name }) => !times.others.includes(name) && fixedBy(name) === null),
    doubts,
  )
  const fields = profiles
    .filter(({ name }) => name !== user && name !== item && name !== times.time?.column)
    .map((profile): FieldRole => {
      const { name } = profile
      const left = (why: string): FieldRole => ({ column: name, of: null, type: 'id', why })
      if (rowIds.includes(name)) return left('has another value in each row')
      if (name === outcome) return { column: name, of: 'outcome', type: 'float', why: 'says what came of it' }
      if (times.others.includes(name)) return left('is another time')
      return fieldOf(profile, fixedBy(name), profiles, { user, item }, doubts)
    })
  return { user, item, time: times.time, outcome, fields, doubts }
}

/** Adds a doubt where it had to be guessed. */
function findOutcome(able: readonly ColumnProfile[], doubts: string[]): string | null {
  const numbers = able.filter(({ numeric, distinct, list }) => numeric > 0.98 && distinct > 1 && list === null)
  const named = numbers
    .filter(({ name }) => has('outcome', name))
    .sort((a, b) => placeIn('outcome', a.name) - placeIn('outcome', b.name))
  if (named.length > 0) return named[0].name
  const known = ['user', 'item', 'context', 'time', 'code'] as const
  const isUnknown = ({ name }: ColumnProfile) => !known.some((list) => has(list, name))
  const few = numbers.filter(
    (profile) => isUnknown(profile) && profile.distinct <= 21 && profile.whole === profile.numeric,
  )
  if (few.length === 1) {
    doubts.push(`"${few[0].name}" is taken for the outcome by its values alone: no name says so.`)
    return few[0].name
  }
  if (few.length > 1)
    doubts.push(`One of ${few.map(({ name }) => `"${name}"`).join(', ')} may be the outcome: no name says which.`)
  return null
}

function fieldOf(
  profile: ColumnProfile,
  fixedBy: 'user' | 'item' | null,
  profiles: readonly ColumnProfile[],
  keys: { readonly user: string | null; readonly item: string | null },
  doubts: string[],
): FieldRole {
  const { name, rows, known, distinct, numeric, whole, nested, list, length } = profile
  const left = (why: string): FieldRole => ({ column: name, of: null, type: 'id', why })
  const distinctOf = (key: string | null) => profiles.find((other) => other.name === key)?.distinct ?? 0
  if (known === 0) return left('is empty')
  if (distinct === 1 && known === rows) return left('has one value in all rows')
  if (nested > 0.5) {
    doubts.push(`"${name}" holds JSON in JSON or in a text: give what is in it columns of its own.`)
    return left('is nested')
  }
  const isNumber = numeric > 0.98 && !(whole === numeric && has('code', name) && distinct > 2)
  const isOutcome = fixedBy === null && !has('context', name) && (has('outcome', name) || has('action', name))
  const named = ownerByName(name)
  // An outcome that were taken for what is known of the user or item would be in its own row's input.
  const of = isOutcome ? 'outcome' : (fixedBy ?? named)
  const why =
    fixedBy !== null
      ? `has one value for each ${fixedBy}`
      : of === 'outcome'
        ? 'says what came of it'
        : named === 'context'
          ? 'changes from event to event'
          : `is named after the ${named}`
  if (list?.size) {
    if (of === 'outcome') return left('is a list, which no outcome is')
    return { column: name, of, type: 'vector', size: list.size, why: `${why}; lists of ${list.size} numbers` }
  }
  if (list) {
    if (of === 'outcome') return left('is a list, which no outcome is')
    const parts = list.separator === null ? 'lists' : `lists by "${list.separator}"`
    return {
      ...{ column: name, of, type: 'ids' as const },
      ...(list.separator !== null && list.separator !== '|' && { separator: list.separator }),
      why: `${why}; ${parts} of ${list.entries} different values`,
    }
  }
  if (isNumber && of === 'context' && !has('context', name)) {
    doubts.push(
      `Is "${name}" known before the outcome? It is taken for an outcome, which no input of its own row can be.`,
    )
    return {
      column: name,
      of: 'outcome',
      type: 'float',
      why: 'changes from event to event, and may be known only after',
    }
  }
  if (isNumber) return { column: name, of, type: 'float', why }
  if (length > freeText) return left('is text to be read')
  const owned = of === 'user' || of === 'item' ? distinctOf(keys[of]) : rows
  if (distinct > mostCategories || (distinct > 50 && distinct > 0.5 * owned))
    return left(`has nearly as many values as there are ${of === 'context' || of === 'outcome' ? 'rows' : `${of}s`}`)
  if (has('action', name) && of === 'outcome')
    doubts.push(`"${name}" says in words what happened; a task needs a number: add a column of 0 and 1.`)
  return { column: name, of, type: 'id', why: `${why}; ${distinct} different values` }
}

/** Whom a name like `user_age` or `movie_year` speaks of. */
function ownerByName(name: string): 'user' | 'item' | 'context' {
  if (has('context', name)) return 'context'
  if (has('user', name)) return 'user'
  return has('item', name) ? 'item' : 'context'
}
