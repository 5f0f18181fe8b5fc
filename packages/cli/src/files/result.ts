/** What a command found: told on stdout, and with `--json` in a file too. */
import { checkOutputFile, writeOutputFile } from './output.ts'
import { userPath } from './paths.ts'

export interface JsonOption {
  readonly json?: string
}

/** Where `--json` goes, checked before any work is done. @throws OutputError */
export function jsonFile({ json }: JsonOption): string | null {
  if (json === undefined) return null
  const path = userPath(json)
  checkOutputFile('--json', path)
  return path
}

/** Resolves when all is written: a command that ends with a code of its own exits at once. @throws OutputError */
export async function printResult(text: string, json: string | null, value: unknown): Promise<void> {
  if (json !== null) writeOutputFile(json, `${JSON.stringify(value, withMessages, 2)}\n`)
  await new Promise<void>((resolve) => process.stdout.write(text, () => resolve()))
}

/** JSON has no errors; what is in them is in no enumerable property. */
function withMessages(_: string, value: unknown): unknown {
  return value instanceof Error ? { name: value.name, message: value.message } : value
}
