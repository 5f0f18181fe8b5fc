import type { Proposal, Roles } from '@headwater/datasets'
import { counted, table } from '../../terminal/format.ts'

const units = {
  s: 'seconds since 1970',
  ms: 'milliseconds since 1970',
  us: 'microseconds since 1970',
  iso: 'ISO 8601',
} as const

/** What each column is. */
export function rolesText(
  file: string,
  join: readonly string[],
  rows: number,
  { user, item, time, outcome, fields }: Roles,
): string {
  const roles = [
    ['user', user ?? 'not found'],
    ['item', item ?? 'not found'],
    ['time', time === null ? 'not found' : `${time.column}, ${units[time.unit]}`],
    ['outcome', outcome ?? 'none: each row is taken for something that was chosen, and what was not is drawn'],
  ]
  const described = fields.filter(({ column, of }) => of !== null && column !== outcome)
  const left = fields.filter(({ of }) => of === null)
  return [
    `${file}: ${counted(rows, 'rows')}${join.length > 0 ? `, joined with ${join.join(', ')}` : ''}\n\n`,
    table(roles),
    described.length === 0 ? '' : '\n',
    described.length === 0
      ? ''
      : table([
          ['field', 'of', 'type', 'because it'],
          ...described.map(({ column, of, type, why }) => [column, of!, type, why]),
        ]),
    left.length === 0 ? '' : '\n',
    ...left.map(({ column, why }) => `left out: ${column}, which ${why}\n`),
    '\n',
  ].join('')
}

/** What the schema has beside the columns, and what was not clear. */
export function proposalText(reasons: Proposal['reasons'], doubts: readonly string[]): string {
  return [
    table([['proposed', 'why'], ...reasons.map(({ what, why }) => [what, why])]),
    doubts.length === 0 ? '' : '\nNot clear:\n',
    ...doubts.map((doubt) => `  ${doubt}\n`),
    '\n',
  ].join('')
}
