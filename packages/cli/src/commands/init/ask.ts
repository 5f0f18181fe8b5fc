import type { ColumnProfile, RoleChanges, Roles } from '@headwater/datasets'
import type { Ask } from './questions.ts'

const owners = ['user', 'item', 'context', 'outcome'] as const
type Owner = (typeof owners)[number]

/** Asks of each role and each other column; an empty answer keeps what was found. */
export async function askChanges(
  ask: Ask,
  { profiles }: { readonly profiles: readonly ColumnProfile[] },
  { user, item, time, outcome, fields }: Roles,
): Promise<RoleChanges> {
  const names = profiles.map(({ name }) => name)
  const column = async (role: string, found: string | null, isNeeded = true) => {
    for (let note = ''; ; ) {
      const answer = await ask(`${note}${role} [${found ?? (isNeeded ? 'a column' : '-, none')}]: `)
      if (names.includes(answer)) return answer
      if (answer === '-' && !isNeeded) return null
      if (answer === '' && (found !== null || !isNeeded)) return found
      note = `Name one of ${names.join(', ')}.\n`
    }
  }
  const roles = {
    user: (await column('user', user))!,
    item: (await column('item', item))!,
    time: (await column('time', time?.column ?? null))!,
    outcome: await column('outcome', outcome, false),
  }
  const changed = new Map<string, Owner | null>()
  const taken: readonly (string | null)[] = Object.values(roles)
  for (const { column: name, of } of fields) {
    if (taken.includes(name)) continue
    const answer = await ownerOf(ask, name, of)
    if (answer !== of) changed.set(name, answer)
  }
  return { ...roles, owners: changed }
}

async function ownerOf(ask: Ask, name: string, found: Owner | null): Promise<Owner | null> {
  for (;;) {
    const answer = await ask(`${name}: of ${owners.join(', ')}, or - to leave it out [${found ?? '-'}]: `)
    if (answer === '') return found
    if (answer === '-') return null
    const owner = owners.find((one) => one.startsWith(answer))
    if (owner !== undefined) return owner
  }
}

/** Enter is yes. */
export async function isYes(ask: Ask, question: string): Promise<boolean> {
  return /^(y|yes)?$/i.test(await ask(`${question} [Y/n] `))
}
