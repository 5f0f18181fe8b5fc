/** `SHA256SUMS`, as `sha256sum -c` reads it: a line for each file of a snapshot, the manifest's last. */
import { SnapshotError } from './snapshot-error.ts'

export const checksumFile = 'SHA256SUMS'
export const panelFile = 'panel.safetensors'
/** Folder of a tower that was made elsewhere: its model, what that keeps outside, and vocabularies. */
export const towerFolder = 'tower'
/** What a file in that folder may be called; models name their data files themselves. */
export const towerFileName = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/

/** Files of a snapshot by name; those marked `false` may be absent. */
const knownFiles: Readonly<Record<string, boolean>> = {
  'alignment.safetensors': false,
  'items.safetensors': false,
  [panelFile]: false,
  'schema.json': true,
  'weights.safetensors': false,
  'manifest.json': true,
}

const isTowerFile = (name: string) =>
  name.startsWith(`${towerFolder}/`) && towerFileName.test(name.slice(towerFolder.length + 1))

/** The manifest comes last, so that a list cut short lacks it and is noticed. @param sums hex, by file name */
export function encodeSums(sums: ReadonlyMap<string, string>): Uint8Array {
  const names = [...[...sums.keys()].filter(isTowerFile).sort(), ...Object.keys(knownFiles)]
  const lines = names.flatMap((name) => {
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
    const [, sum, name] = /^([0-9a-f]{64}) {2}((?:tower\/)?\w[\w.-]*)$/.exec(line) ?? []
    if (!name || !(Object.hasOwn(knownFiles, name) || isTowerFile(name)))
      throw fail('a line is no checksum of a file of a snapshot')
    sums.set(name, sum)
  }
  // A tower is tensors of ours, or files of another's.
  const needed = { ...knownFiles, 'weights.safetensors': ![...sums.keys()].some(isTowerFile) }
  for (const [name, required] of Object.entries(needed))
    if (required && !sums.has(name)) throw fail(`the line of ${name} is missing`)
  if (!text.endsWith('\n')) throw fail('the last line is cut short')
  return sums
}
