/** Outcomes over a restart of their server: what the log has is known when it comes again, as if the server had gone on. */
import { copyFileSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openOutcomeLog } from '@headwater/logs'
import type { Outcome } from '@headwater/pooling'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, test } from 'vitest'
import { OutcomeScores, repeatWindow } from './outcome-scores.ts'

const tenant = 'default'

const outcome = (request: string, downstream = 'ctr'): Outcome => {
  return { downstream, request, user: 'ann', prediction: 0.25, label: 1, timeMs: 5 }
}

const nobodyForgotten = async (users: readonly string[]) =>
  new Float64Array(users.length).fill(Number.NEGATIVE_INFINITY)

async function start(directory: string, maxRows?: number) {
  const log = await openOutcomeLog({ directory, tenant, maxRows })
  const scores = new OutcomeScores(log, nobodyForgotten)
  const accepted = async (...outcomes: Outcome[]) =>
    (await scores.add(outcomes[0]?.downstream ?? 'ctr', outcomes)).accepted
  return { log, accepted }
}

/** The directory as a crash of its writer leaves it. */
function crashed(directory: string): string {
  const after = temporaryDirectory()
  for (const name of readdirSync(directory))
    if (!name.startsWith('.writer')) copyFileSync(join(directory, name), join(after, name))
  return after
}

function requestsIn(directory: string): string[] {
  const names = readdirSync(directory).filter((name) => name.endsWith('.jsonl'))
  const lines = names.sort().flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n').slice(0, -1))
  return lines.map((line) => JSON.parse(line)).map(({ downstream, request }) => `${downstream} ${request}`)
}

test('a call that is made again after a crash, or after an end in order, is logged once', async () => {
  const directory = temporaryDirectory()
  const before = await start(directory)
  expect(await before.accepted(outcome('a'), outcome('b'))).toBe(2)
  const after = crashed(directory)
  await before.log.close()
  for (const restarted of [after, directory]) {
    const { log, accepted } = await start(restarted)
    expect(await accepted(outcome('a'), outcome('b'), outcome('c'))).toBe(1)
    expect(await accepted(outcome('a', 'cvr'))).toBe(1)
    await log.close()
    expect(requestsIn(restarted)).toEqual(['ctr a', 'ctr b', 'ctr c', 'cvr a'])
  }
})

test('those of the same window are known, whatever files they are in', async () => {
  const directory = temporaryDirectory()
  const goesOn = await start(directory, 20_000)
  const requests = Array.from({ length: repeatWindow + 5_000 }, (_, i) => outcome(`r${i}`))
  for (let from = 0; from < requests.length; from += 10_000) {
    const call = requests.slice(from, from + 10_000)
    expect(await goesOn.accepted(...call)).toBe(call.length)
  }
  const restarted = await start(crashed(directory), 20_000)
  // The oldest that is known, and the newest that is not.
  for (const { accepted } of [goesOn, restarted]) {
    expect(await accepted(outcome('r5000'), outcome(`r${requests.length - 1}`))).toBe(0)
    expect(await accepted(outcome('r4999'))).toBe(1)
  }
  for (const { log } of [goesOn, restarted]) await log.close()
})

test('a log that cannot be read yet fails the call, which is right once it can', async () => {
  const log = {
    isBroken: true,
    append: async () => {},
    async recent(_: number, take: (outcomes: readonly Outcome[]) => void) {
      if (this.isBroken) throw new Error('the disk is away')
      take([outcome('a')])
    },
  }
  const scores = new OutcomeScores(log, nobodyForgotten)
  await expect(scores.add('ctr', [outcome('a')])).rejects.toThrow('the disk is away')
  log.isBroken = false
  expect((await scores.add('ctr', [outcome('a'), outcome('b')])).accepted).toBe(1)
})
