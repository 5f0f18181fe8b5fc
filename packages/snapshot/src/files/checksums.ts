/** `SHA256SUMS`, as `sha256sum -c` reads it: a line for each file of a snapshot, the manifest's last. */
import { SnapshotError } from './snapshot-error.ts'

export const checksumFile = 'SHA256SUMS'
export const panelFile = 'panel.safetensors'

/** Files of a snapshot by name; those marked `false` may be absent. */
const knownFiles: Readonly<Record<string, boolean>> = {
  'alignment.safetensors': false,
  'items.safetensors': false,
  [panelFile]: false,
  'schema.json': true,
  'weights.safetensors': true,
  'manifest.json': true,
}

/** The manifest comes last, so that a list cut short lacks it and is noticed. @param sums hex, by file name */
export function encodeSums(sums: ReadonlyMap<string, string>): Uint8Array {
  const lines = Object.keys(knownFiles).flatMap((name) => {
    const sum = sums.get(name)
    return sum === undefined ? [] : [`${sum}  ${name}\n`]
  })
  return new TextEncoder().encode(lines.join(''))
}

/** Hex checksums by file name. @throws SnapshotError for a line that is none, an unknown file, or a required one missing. */
export function decodeChecksums(text: string, directory: string): Map<string, string> {
  const fail = (what: string) => new SnapshotError(`${directory}/${checksumFile}: ${what}. Publish the snapshot again.`)
  const sums = new Map<string, string>()
  for (const line of text.split('\n').slice(0, -1)) {
    const [, sum, name] = /^([0-9a-f]{64}) {2}([A-Za-z.]+)$/.exec(line) ?? []
    if (!name || !Object.hasOwn(knownFiles, name)) throw fail('a line is no checksum of a file of a snapshot')
    sums.set(name, sum)
  }
  for (const [name, required] of Object.entries(knownFiles))
    if (required && !sums.has(name)) throw fail(`the line of ${name} is missing`)
  if (!text.endsWith('\n')) throw fail('the last line is cut short')
  return sums
}
