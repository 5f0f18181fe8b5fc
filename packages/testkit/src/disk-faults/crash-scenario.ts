/** One job that is killed at each rename and sync that it makes, before it and behind it, and that meets a full disk there. */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DiskFault } from './disk-fault.ts'
import { type FaultedProcess, runWithFault } from './faulted-process.ts'

export interface CrashScenario {
  readonly name: string
  /** TypeScript and its arguments, run in a directory of its own. It may be run again on what an earlier run left. */
  readonly program: readonly string[]
  /** Makes what the program finds. */
  prepare(directory: string): Promise<void>
  /**
   * @param run how the program ended, and what it said: what it acknowledged holds
   * @param isWhole whether it came to its end
   * @throws Error where what is left may not be
   */
  check(directory: string, run: FaultedProcess, isWhole: boolean): Promise<void>
}

export interface CrashCounts {
  /** Renames and syncs of an undisturbed run. */
  readonly calls: number
  readonly kills: number
  readonly fullDisks: number
  readonly clockJumps: number
  readonly slowDisks: number
}

const hourMs = 3_600_000
/** So many at a time: most of a run is a process coming up. */
const atOnce = 2

/**
 * Each fault meets a copy of what `prepare` made; then what is left is checked, and the same program, undisturbed, must come to
 * its end from there. The wall clock jumps by an hour, forth and back, at every third call; on a slow disk the job only takes longer.
 *
 * @throws Error naming scenario, fault and call
 */
export async function crashAtEachCall(scenario: CrashScenario, onFault?: (text: string) => void): Promise<CrashCounts> {
  const home = mkdtempSync(join(tmpdir(), 'headwater-crash-'))
  try {
    const before = join(home, 'before')
    const copy = (name: string) => {
      const path = join(home, name)
      cpSync(before, path, { recursive: true })
      return path
    }
    mkdirSync(before)
    await scenario.prepare(before)
    const { calls } = await whole(scenario, copy('whole'), 'undisturbed')
    if (calls.length === 0) throw new Error(`${scenario.name}: it made no rename and no sync`)
    const slow: DiskFault = { at: 1, kind: 'slow disk' }
    const others = calls.flatMap((_, i): DiskFault[] => {
      const at = i + 1
      const clocks: DiskFault[] =
        i % 3 === 0 ? [-hourMs, hourMs].map((clockMs) => ({ at, kind: 'clock', clockMs })) : []
      return [{ at, kind: 'kill before' }, { at, kind: 'kill behind' }, { at, kind: 'full disk' }, ...clocks]
    })
    const faults = [slow, ...others]
    const waiting = [...faults.entries()]
    const work = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const [n, fault] = next
        const path = copy(`fault-${n}`)
        const what = `${scenario.name}: ${fault.kind}${fault.clockMs ? ` ${fault.clockMs / hourMs} h` : ''} at call ${fault.at}`
        const about = `${what} (${calls[fault.at - 1].replaceAll(join(home, 'whole'), '.')})`
        await meet(scenario, path, fault, about)
        onFault?.(about)
        rmSync(path, { recursive: true, force: true })
      }
    }
    await Promise.all(Array.from({ length: atOnce }, work))
    const count = (kind: DiskFault['kind']) => faults.filter((fault) => fault.kind === kind).length
    return {
      calls: calls.length,
      kills: count('kill before') + count('kill behind'),
      fullDisks: count('full disk'),
      clockJumps: count('clock'),
      slowDisks: count('slow disk'),
    }
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

async function meet(scenario: CrashScenario, path: string, fault: DiskFault, about: string): Promise<void> {
  const run = await runWithFault(scenario.program, path, fault)
  const fail = (what: string, cause?: unknown) => new Error(`${about}: ${what}\n${run.stdout}${run.stderr}`, { cause })
  // A call may come in another order, and the last ones not at all.
  const ended = run.code === 0
  if (fault.kind.startsWith('kill') && run.signal !== 'SIGKILL' && !ended) throw fail(`it ended with code ${run.code}`)
  if (
    fault.kind === 'full disk' &&
    !ended &&
    (run.code === null || /bug of Headwater|^\s+at .*node:internal/m.test(run.stderr))
  )
    throw fail('a full disk is no bug, and is told of as one')
  if ((fault.kind === 'clock' || fault.kind === 'slow disk') && !ended) throw fail(`it ended with code ${run.code}`)
  try {
    await scenario.check(path, run, ended)
  } catch (cause) {
    throw fail(`what is left may not be: ${(cause as Error).stack}`, cause)
  }
  await whole(scenario, path, `${about}, then undisturbed`)
}

async function whole(scenario: CrashScenario, path: string, about: string): Promise<FaultedProcess> {
  const run = await runWithFault(scenario.program, path, null)
  if (run.code !== 0) throw new Error(`${about}: it ended with code ${run.code}\n${run.stdout}${run.stderr}`)
  try {
    await scenario.check(path, run, true)
  } catch (cause) {
    throw new Error(`${about}: what is left may not be: ${(cause as Error).stack}\n${run.stdout}`, { cause })
  }
  return run
}
