import type { ColumnProfile } from '../columns/profile.ts'
import { isKeyName, placeIn } from './words.ts'

/** Columns that name who met what. Null where none could. */
export interface FoundKeys {
  readonly user: string | null
  readonly item: string | null
  /** Columns with another value in each row, which are no keys of anything that comes again. */
  readonly rowIds: readonly string[]
  /** What was not clear. */
  readonly doubts: readonly string[]
}

const fewestKnown = 0.98
const longestKey = 128
/** Different values from which on a column without a telling name may be a key. */
const fewestKeys = 20

/** Finds user and item by what columns are called, else by how many values they have: the user comes first then. */
export function findKeys(profiles: readonly ColumnProfile[]): FoundKeys {
  const rowIds = profiles.filter(isRowId).map(({ name }) => name)
  const able = profiles.filter((profile) => canBeKey(profile) && !rowIds.includes(profile.name))
  const named = (list: 'user' | 'item') =>
    able
      .filter(({ name }) => isKeyName(list, name))
      .sort((a, b) => placeIn(list, a.name) - placeIn(list, b.name) || b.distinct - a.distinct)
  const [users, items] = [named('user'), named('item')]
  const doubts: string[] = []
  for (const [role, found] of [
    ['user', users],
    ['item', items],
  ] as const)
    if (found.length > 1) {
      const others = found.slice(1).map(({ name }) => `"${name}"`)
      doubts.push(`${others.join(' and ')} could be the ${role} as well as "${found[0].name}".`)
    }
  const taken = [users[0], items[0]].filter((profile) => profile !== undefined)
  const unnamed = able.filter((profile) => mayBeUnnamedKey(profile) && ![...users, ...items].includes(profile))
  const most = [...unnamed].sort((a, b) => b.distinct - a.distinct).slice(0, 2 - taken.length)
  const rest = profiles.filter((profile) => most.includes(profile))
  const user = users[0] ?? rest.shift() ?? null
  const item = items[0] ?? rest.shift() ?? null
  for (const [role, key, found] of [
    ['user', user, users],
    ['item', item, items],
  ] as const)
    if (key !== null && found.length === 0)
      doubts.push(`"${key.name}" is taken for the ${role} by its values alone: no name says so.`)
  return { user: user?.name ?? null, item: item?.name ?? null, rowIds, doubts }
}

function isRowId({ name, rows, known, distinct, epoch, iso, whole, numeric, nested, list }: ColumnProfile): boolean {
  const isTime = epoch !== null || iso > 0
  if (nested > 0 || list !== null) return false
  const isFraction = numeric > 0 && whole < numeric
  if (isKeyName('user', name) || isKeyName('item', name)) return false
  return rows >= fewestKeys && known === rows && distinct === rows && !isTime && !isFraction
}

function canBeKey({ rows, known, distinct, numeric, whole, iso, otherDate, nested, length }: ColumnProfile): boolean {
  const isFraction = numeric > 0.98 && whole < numeric
  return (
    known >= fewestKnown * rows && distinct > 1 && iso + otherDate + nested < 0.5 && !isFraction && length <= longestKey
  )
}

function mayBeUnnamedKey({ distinct, rows, epoch, list, ordered }: ColumnProfile): boolean {
  const isTime = epoch !== null && (ordered > 0.98 || distinct > 0.5 * rows)
  return distinct >= fewestKeys && !isTime && list === null
}
