/**
 * Kills writers and compactions of an LMDB store at random points, and compactions and backups at each of their renames and
 * syncs, and checks what they leave: `npx nx run store:test-crash -- --rounds 100 --seed 7 --json FILE`.
 */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type CrashCounts, crashAtEachCall } from '@headwater/testkit/disk-faults'
import { CrashError, crashRounds } from './crash-rounds.ts'
import { transferCrashes } from './transfer-crashes.ts'

const usage = 'Usage: nx run store:test-crash -- [--rounds N] [--seed N] [--json FILE]'

function wholeNumber(name: string, text: string, least: number): number {
  if (/^\d{1,9}$/.test(text) && Number(text) >= least) return Number(text)
  throw new TypeError(`--${name} is "${text}"; give a whole number of at least ${least}`)
}

function options() {
  const text = (fallback: string) => ({ type: 'string', default: fallback }) as const
  const { values } = parseArgs({ options: { rounds: text('20'), seed: text('1'), json: { type: 'string' } } })
  return {
    rounds: wholeNumber('rounds', values.rounds, 1),
    seed: wholeNumber('seed', values.seed, 0),
    json: values.json,
  }
}

const path = mkdtempSync(join(tmpdir(), 'headwater-crash-'))
let interrupted = false
process.once('SIGINT', () => {
  interrupted = true
  rmSync(path, { recursive: true, force: true })
  process.exit(130)
})
try {
  const { rounds, seed, json } = options()
  const done = await crashRounds(path, rounds, seed, ({ round, killed, acknowledged, held, records }) => {
    console.log(
      `${String(round).padStart(String(rounds).length)}/${rounds} ${killed} killed: ${acknowledged} acknowledged, ` +
        `${held} held, ${records} records without a fault`,
    )
  })
  const writers = done.filter(({ killed }) => killed === 'writer').length
  console.log(
    `${writers} writers and ${done.length - writers} compactions killed (seed ${seed}): of ` +
      `${done[done.length - 1].held} operations nothing acknowledged was lost, nothing was half there`,
  )
  const transfers: Record<string, CrashCounts> = {}
  for (const scenario of transferCrashes(seed)) {
    const counts = await crashAtEachCall(scenario, (text) => console.log(text))
    transfers[scenario.name] = counts
    console.log(
      `${scenario.name}: ${counts.calls} renames and syncs, ${counts.kills} kills, ${counts.fullDisks} full disks, ` +
        `${counts.slowDisks} slow disk, ${counts.clockJumps} jumps of the clock: whole after each, and ended when run again`,
    )
  }
  if (json !== undefined) {
    const file = resolve(process.env.INIT_CWD ?? process.cwd(), json)
    // Renamed when it is complete, so that an interrupted run leaves an older file whole.
    writeFileSync(`${file}.part`, `${JSON.stringify({ seed, rounds: done, transfers }, null, 2)}\n`)
    renameSync(`${file}.part`, file)
  }
} catch (error) {
  if (interrupted) throw error
  const isUsage = error instanceof TypeError
  if (!isUsage && !(error instanceof CrashError)) throw error
  console.error(isUsage ? `${error.message}\n${usage}` : error.message)
  process.exitCode = 1
} finally {
  rmSync(path, { recursive: true, force: true })
}
