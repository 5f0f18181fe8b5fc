/** Makes a snapshot of its files' bytes, wherever they come from, and checks every file against its checksum. */
import { parseSchema } from '@headwater/features'
import { decodeAlignment } from '../contents/alignment.ts'
import { decodeItems } from '../contents/item-vectors.ts'
import { checkFormat, parseManifest } from '../contents/manifest.ts'
import { checksumFile, decodeChecksums } from '../files/checksums.ts'
import { decodeSafetensors } from '../files/safetensors.ts'
import { SnapshotError } from '../files/snapshot-error.ts'
import type { Snapshot } from './snapshot.ts'

type Bytes = Uint8Array<ArrayBuffer>

/**
 * Makes a snapshot of bytes that are there already: bundled with a page, cached by it, or fetched by other means than `readSnapshot`.
 * @param files bytes by the names that they have in the snapshot's directory; the panel, which are rows of other users, is not looked at
 * @param place what messages call the snapshot
 * @throws SnapshotError for a missing file, another format or a checksum that does not match; SafetensorsError or
 * SchemaError where a file with the right checksum is not what it should be.
 */
export async function decodeSnapshot(
  files: Readonly<Record<string, Bytes>>,
  place = 'the given snapshot',
): Promise<Snapshot> {
  return snapshotOf(place, async (name) => {
    if (Object.hasOwn(files, name)) return files[name]
    throw new SnapshotError(`${place} is no whole snapshot: ${name} is missing. Give all its files.`)
  })
}

/** @param fileOf a file's bytes by its name */
export async function snapshotOf(place: string, fileOf: (name: string) => Promise<Bytes>): Promise<Snapshot> {
  const manifest = await fileOf('manifest.json')
  // The format comes first: another one may list its checksums in another way.
  const json = parseJson(place, 'manifest.json', manifest)
  checkFormat(json, place)
  const sums = decodeChecksums(new TextDecoder().decode(await fileOf(checksumFile)), place)
  await checkSum(place, 'manifest.json', manifest, sums)
  const parsed = parseManifest(json, place)
  if (parsed.external !== undefined)
    throw new SnapshotError(
      `${place}: its tower was made elsewhere and runs in onnxruntime-node alone. Serve it, and read its embeddings by the client.`,
    )
  const checked = async (name: string) => checkSum(place, name, await fileOf(name), sums)

  const optional = async (name: string) => (sums.has(name) ? checked(name) : null)

  const [schema, weights, alignment, items] = await Promise.all([
    checked('schema.json'),
    checked('weights.safetensors'),
    optional('alignment.safetensors'),
    optional('items.safetensors'),
  ])
  return {
    directory: place,
    manifest: parsed,
    schema: parseSchema(parseJson(place, 'schema.json', schema), `${place}/schema.json`),
    matrices: decodeSafetensors(weights, `${place}/weights.safetensors`),
    alignment: alignment && decodeAlignment(alignment, `${place}/alignment.safetensors`),
    items: items && decodeItems(items, parsed.layout ?? null, `${place}/items.safetensors`),
    panel: null,
  }
}

async function checkSum(place: string, name: string, data: Bytes, sums: ReadonlyMap<string, string>): Promise<Bytes> {
  // Pages that came over plain HTTP from another machine have none.
  const { subtle } = crypto as Partial<typeof crypto>
  if (!subtle)
    throw new SnapshotError(
      `${place} cannot be checked: this page has no crypto.subtle. Serve it over HTTPS or from localhost.`,
    )
  const digest = new Uint8Array(await subtle.digest('SHA-256', data))
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
  if (hex !== sums.get(name))
    throw new SnapshotError(`${place}: the checksum of ${name} does not match. Copy the snapshot there again.`)
  return data
}

function parseJson(place: string, name: string, data: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(data))
  } catch (cause) {
    throw new SnapshotError(`${place}/${name} is not JSON. Copy the snapshot there again.`, { cause })
  }
}
