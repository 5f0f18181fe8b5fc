/** What a start tells of a log of lines whose files are not as they were left. */
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, test } from 'vitest'
import { LogFormatError, LogLossError } from '../directory/errors.ts'
import type { LineLogOptions } from './line-log.ts'
import { type OpenOutcomeLog, openOutcomeLog } from './outcome-log.ts'

const tenant = 'default'

async function open(directory: string, more: Partial<LineLogOptions> = {}) {
  const errors: unknown[] = []
  const log = await openOutcomeLog({ directory, tenant, onError: (error) => errors.push(error), ...more })
  return { log, errors }
}

const append = (log: OpenOutcomeLog, ...users: string[]) =>
  log.append(users.map((user) => ({ downstream: 'd', request: 'r', user, prediction: 0.5, label: 1, timeMs: 1 })))

/** A log of two finished files of four lines each, and one of three that is written to, as a kill leaves it. */
async function killed(): Promise<string> {
  const [directory, left] = [temporaryDirectory(), temporaryDirectory()]
  const { log } = await open(directory, { maxRows: 4 })
  for (const users of ['ab', 'cd', 'ef', 'gh', 'ij', 'k']) await append(log, ...users)
  for (const name of readdirSync(directory))
    if (!name.startsWith('.writer')) copyFileSync(join(directory, name), join(left, name))
  await log.close()
  return left
}

const [early, late, part] = [
  'outcomes-000000000000000-000000000000004.jsonl',
  'outcomes-000000000000004-000000000000008.jsonl',
  '.outcomes-000000000000008.part',
]

const linesIn = (path: string) => readFileSync(path, 'utf8').split('\n').slice(0, -1)
const usersIn = (directory: string) =>
  readdirSync(directory)
    .sort()
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => linesIn(join(directory, name)).map((line) => JSON.parse(line).user))

/** Keeps so many lines of a file, and perhaps some bytes of the next one. */
function cut(path: string, lines: number, moreBytes = 0): void {
  const kept = linesIn(path).slice(0, lines)
  truncateSync(path, kept.reduce((bytes, line) => bytes + line.length + 1, 0) + moreBytes)
}

/** Starts twice: what the first start tells, and that the second one tells of nothing. */
async function starts(directory: string) {
  const first = await open(directory)
  await append(first.log, 'later')
  await first.log.close()
  const second = await open(directory)
  await second.log.close()
  expect([second.errors, second.log.counters.lost]).toEqual([[], 0])
  return { errors: first.errors, lost: first.log.counters.lost, users: usersIn(directory).join('') }
}

test.each([
  [part, 2, 0, 'abcdefghij'],
  [part, 1, 7, 'abcdefghi'],
  [part, 0, 0, 'abcdefgh'],
  [late, 3, 0, 'abcdefgijk'],
  [early, 0, 0, 'efghijk'],
])(
  '%s cut behind line %i and %i bytes is told of once, with the lines that are missing',
  async (name, lines, more, users) => {
    const directory = await killed()
    cut(join(directory, name), lines, more)
    const told = await starts(directory)
    const missing = 11 - users.length
    expect([told.lost, told.users]).toEqual([missing, `${users}later`])
    expect(told.errors).toEqual([expect.any(LogLossError)])
    expect(String(told.errors[0])).toContain(`${missing} lines of the outcome log`)
    expect(String(told.errors[0])).toContain(name)
  },
)

test('several files cut, and one that was written to and is gone, are told of together', async () => {
  const directory = await killed()
  for (const name of [early, late]) cut(join(directory, name), 1)
  rmSync(join(directory, part))
  const { errors, lost, users } = await starts(directory)
  expect([lost, users, errors.length]).toEqual([9, 'aelater', 1])
  expect(String(errors[0])).toContain(`${early} and 2 more`)
})

test('nothing is told where lines were forgotten, files moved away or removed by their limits, or more was written', async () => {
  const whole = await killed()
  const { log, errors } = await open(whole)
  for (const user of ['a', 'f', 'k', 'none']) await log.holder.forget(tenant, user, 1)
  await log.close()
  expect(errors).toEqual([])
  expect(await starts(whole)).toEqual({ errors: [], lost: 0, users: 'bcdeghijlater' })

  const moved = await killed()
  for (const name of [early, late]) rmSync(join(moved, name))
  expect(await starts(moved)).toEqual({ errors: [], lost: 0, users: 'ijklater' })
  for (const name of readdirSync(moved)) if (name.endsWith('.jsonl')) rmSync(join(moved, name))
  expect(await starts(moved)).toEqual({ errors: [], lost: 0, users: 'later' })
  // Numbers go on, so that no name is there twice.
  expect(readdirSync(moved)).toContain('outcomes-000000000000012-000000000000013.jsonl')

  const limited = await killed()
  const bounded = await open(limited, { keepFiles: 1 })
  await bounded.log.close()
  expect(await starts(limited)).toEqual({ errors: [], lost: 0, users: 'ijklater' })

  // A kill between the sync of lines and the note of their length.
  const torn = await killed()
  const lines = readFileSync(join(torn, part))
  writeFileSync(join(torn, part), Buffer.concat([lines, lines.subarray(0, 90)]))
  expect((await starts(torn)).lost).toBe(0)
  for (const text of ['', '{"first":', 'null']) {
    const damaged = await killed()
    for (const name of ['.outcomes.state', '.outcomes.lengths']) writeFileSync(join(damaged, name), text)
    expect(await starts(damaged), text).toEqual({ errors: [], lost: 0, users: 'abcdefghijklater' })
  }
})

test('a line that is damaged amid whole ones is refused, and stays for whoever mends it', async () => {
  const directory = await killed()
  const path = join(directory, part)
  const bytes = readFileSync(path)
  const damaged = Uint8Array.from(bytes)
  damaged[0] ^= 1
  writeFileSync(path, damaged)
  for (const _ of ['once', 'again']) {
    await expect(open(directory)).rejects.toThrow(LogFormatError)
    expect(readFileSync(path)).toEqual(Buffer.from(damaged))
  }
  writeFileSync(path, bytes)
  expect((await starts(directory)).users).toBe('abcdefghijklater')

  const without = await killed()
  mkdirSync(join(without, 'away'))
  writeFileSync(join(without, part), damaged)
  await expect(open(without)).rejects.toThrow(/what begins at byte 0 is no line of JSON/)
  renameSync(join(without, part), join(without, 'away', 'part'))
  expect(await starts(without)).toMatchObject({ lost: 3, users: 'abcdefghlater' })
})

test('its files are for its owner and its group alone', async () => {
  const directory = temporaryDirectory()
  const { log } = await open(directory, { maxRows: 1 })
  for (const user of ['a', 'b', 'a']) await append(log, user)
  await log.holder.forget(tenant, 'b', 1)
  const modes = () =>
    readdirSync(directory)
      .filter((name) => !name.startsWith('.writer'))
      .map((name) => `${name} ${(statSync(join(directory, name)).mode & 0o777).toString(8)}`)
  for (const mode of modes()) expect(mode).toMatch(/ 640$/)
  await log.close()
  expect(modes()).toHaveLength(5)
})
