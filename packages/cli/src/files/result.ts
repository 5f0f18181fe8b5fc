/** What a command found: on stdout, and with `--json` in a file too. */
import { outputFile, writeOutputFiles } from './output.ts'

/** Where `--json` goes, checked before any work is done. @throws OutputError */
export function jsonFile({ json }: { readonly json?: string }): string | null {
  return json === undefined ? null : outputFile('--json', json)
}

/** Resolves when all is written: a command that ends with a code of its own exits at once. @throws OutputError */
export async function printResult(text: string, json: string | null, value: unknown): Promise<void> {
  if (json !== null) writeOutputFiles(new Map([[json, jsonText(value)]]))
  await new Promise<void>((resolve) => process.stdout.write(text, () => resolve()))
}

export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, withMessages, 2)}\n`
}

/** `JSON.stringify` writes an error as `{}`, as its properties are not enumerable. */
function withMessages(_: string, value: unknown): unknown {
  return value instanceof Error ? { name: value.name, message: value.message } : value
}
