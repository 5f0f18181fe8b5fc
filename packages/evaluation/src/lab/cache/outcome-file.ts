/** An arm's outcome on disk. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import type { ArmOutcome } from '../arms/arm.ts'

/** Null where the arm was not run, or what it left cannot be read: then it is run again. */
export function readOutcome(path: string): ArmOutcome | null {
  try {
    const { columns, figures, warnings }: ArmOutcome = deserialize(readFileSync(path))
    return { columns, figures, ...(warnings && { warnings }) }
  } catch {
    return null
  }
}

/** Appears whole or not at all. @param about what the outcome is of, for a reader of the file */
export function writeOutcome(path: string, about: Readonly<Record<string, unknown>>, outcome: ArmOutcome): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(`${path}.partial`, serialize({ about, ...outcome }))
  renameSync(`${path}.partial`, path)
}
