/** A training killed at each kind of rename and sync that checkpoints and publications make, on a disk that is full there, and on a slow one. */
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SeededRandom } from '@headwater/statistics'
import { type DiskFault, type FaultedProcess, runWithFault } from '@headwater/testkit/disk-faults'

const program = fileURLToPath(new URL('training-process.ts', import.meta.url))

export interface CallKill {
  readonly fault: DiskFault
  /** What it was killed at, with N for numbers. */
  readonly call: string
  /** Names that were left by it. */
  readonly left: readonly string[]
}

/**
 * Of calls that differ by numbers alone one is drawn. After each fault the training goes on undisturbed.
 *
 * @param unbroken digest of the training that nothing disturbs
 * @throws Error where it ends with another one, or leaves what only a killed one may
 */
export async function crashAtCalls(
  home: string,
  random: SeededRandom,
  preset: string,
  unbroken: string,
  onKill: (kill: CallKill) => void,
): Promise<number> {
  const train = async (directory: string, fault: DiskFault | null): Promise<FaultedProcess> => {
    mkdirSync(directory, { recursive: true })
    return runWithFault([program, directory, preset], directory, fault)
  }
  const { calls } = await train(join(home, 'calls'), null)
  const kinds = new Map<string, number[]>()
  for (const [i, call] of calls.entries()) {
    const kind = call.replaceAll(join(home, 'calls'), '.').replace(/\d+/g, 'N')
    kinds.set(kind, [...(kinds.get(kind) ?? []), i + 1])
  }
  const faults = [...kinds].flatMap(([call, places]) =>
    (['kill before', 'kill behind', 'full disk'] as const).map((kind) => {
      const fault: DiskFault = { at: places[random.nextBelow(places.length)], kind }
      return { call, fault }
    }),
  )
  faults.push({ call: 'the first', fault: { at: 1, kind: 'slow disk' } })
  for (const [i, { call, fault }] of faults.entries()) {
    const { at, kind } = fault
    const directory = join(home, `fault-${i}`)
    const about = `${preset}: ${kind} at call ${at}, ${call}`
    const faulted = await train(directory, fault)
    if (faulted.code === 0 && kind.startsWith('kill')) throw new Error(`${about}: it came to its end`)
    if (faulted.code !== 0 && kind === 'slow disk')
      throw new Error(`${about}: it ended with code ${faulted.code}\n${faulted.stderr}`)
    onKill({ fault, call, left: leftoversIn(directory) })
    const { stdout, stderr, code } = await train(directory, null)
    const digest = /^digest (\w+)$/m.exec(stdout)?.[1]
    if (code !== 0 || digest !== unbroken)
      throw new Error(`${about}: went on to code ${code} and digest ${digest}\n${faulted.stderr}${stdout}${stderr}`)
    const left = leftoversIn(directory)
    if (left.length > 0) throw new Error(`${about}: it left ${left.join(', ')} for good`)
  }
  return faults.length
}

/** Files and directories of a writer that did not end. */
function leftoversIn(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => /(^|\/)\.|partial/.test(name))
}
