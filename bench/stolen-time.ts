/**
 * Time in which a virtual machine's host had its processors do something else: a round that lost some of it says nothing of
 * what ran in it.
 */
import { readFileSync } from 'node:fs'

/** Place of the stolen ticks in a processor's line, and how many there are in a second. */
const stolenColumn = 8
const ticksPerSecond = 100

/** Milliseconds stolen from all processors since the machine started, to 10 of them; 0 where the system does not tell. */
export function stolenMs(): number {
  try {
    const line = /^cpu .*$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[0] ?? ''
    return (1_000 * Number(line.split(/\s+/)[stolenColumn] ?? 0)) / ticksPerSecond
  } catch {
    return 0
  }
}

/** @returns what `run` gives, and what was stolen meanwhile */
export async function withStolen<Result>(run: () => Promise<Result>): Promise<{ result: Result; stolenMs: number }> {
  const before = stolenMs()
  const result = await run()
  return { result, stolenMs: stolenMs() - before }
}
