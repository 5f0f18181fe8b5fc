/**
 * Who was forgotten, beside a model's snapshots: a training that began before has newest examples of theirs for as long as it
 * lives, and would put them into its next panels. `forgotten.json` has the panel's hashes of their keys, and no key.
 */
import { join } from 'node:path'
import { readList, replaceList } from '../files/list-file.ts'
import { panelUserHash, panelUserText } from './panel-file.ts'

/** As long as a store keeps its tombstones by default. */
const keptMs = 90 * 86_400_000
/** Beyond it the oldest go. */
const maxUsers = 2 ** 20

interface ForgottenUser {
  /** As `panelUserText` gives it. */
  readonly user: string
  /** Milliseconds since 1970. */
  readonly atMs: number
}

const pathIn = (modelDirectory: string) => join(modelDirectory, 'forgotten.json')

/** Users whom a model's panels are to be without, as `panelUserText` gives them. @throws SnapshotError for a damaged list */
export async function forgottenUsers(modelDirectory: string): Promise<ReadonlySet<string>> {
  return new Set((await readUsers(modelDirectory)).map(({ user }) => user))
}

/**
 * Has later publications leave a user out; it is on the disk then. One process at a time may do so.
 * @param atMs time of the forgetting; users forgotten 90 days before it leave the list
 * @throws SnapshotError for a damaged list
 */
export async function noteForgotten(modelDirectory: string, user: string, atMs: number): Promise<void> {
  const text = panelUserText(panelUserHash(user))
  const sinceMs = Math.min(atMs, Date.now()) - keptMs
  const others = (await readUsers(modelDirectory)).filter((entry) => entry.user !== text && entry.atMs > sinceMs)
  const users: readonly ForgottenUser[] = [...others, { user: text, atMs }].slice(-maxUsers)
  await replaceList(pathIn(modelDirectory), 'users', users, 0)
}

async function readUsers(modelDirectory: string): Promise<readonly ForgottenUser[]> {
  const remedy = 'Remove it, and forget again whom a running training may know.'
  return (await readList(pathIn(modelDirectory), 'users', isList, remedy)) ?? []
}

const isList = (list: readonly unknown[]): list is readonly ForgottenUser[] => list.every(isForgotten)

function isForgotten(value: unknown): value is ForgottenUser {
  const { user, atMs } = (value ?? {}) as Partial<Record<keyof ForgottenUser, unknown>>
  return typeof user === 'string' && /^[0-9a-f]{16}$/.test(user) && Number.isFinite(atMs)
}
