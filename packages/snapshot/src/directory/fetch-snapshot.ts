/** Reads a snapshot in a browser, by its URL, and checks every file against its checksum. */
import { parseSchema } from '@headwater/features'
import { decodeAlignment } from '../contents/alignment.ts'
import { checkFormat, parseManifest } from '../contents/manifest.ts'
import { checksumFile, decodeChecksums } from '../files/checksums.ts'
import { decodeSafetensors } from '../files/safetensors.ts'
import { SnapshotError } from '../files/snapshot-error.ts'
import type { Snapshot } from './snapshot.ts'

/**
 * Reads a snapshot whole, but for its panel, which are rows of other users and need not be on the server.
 * @param directory URL of the snapshot's directory, absolute or from the page on
 * @throws SnapshotError for a file that is not served, another format or a checksum that does not match; SafetensorsError or
 * SchemaError where a file with the right checksum is not what it should be.
 */
export async function readSnapshot(directory: string): Promise<Snapshot> {
  const place = directory.replace(/\/+$/, '')
  const manifestBytes = await fetchFile(place, 'manifest.json')
  const json = parseJson(place, 'manifest.json', manifestBytes)
  checkFormat(json, place)
  const sums = decodeChecksums(new TextDecoder().decode(await fetchFile(place, checksumFile)), place)
  await checkSum(place, 'manifest.json', manifestBytes, sums)
  const checked = async (name: string) => checkSum(place, name, await fetchFile(place, name), sums)

  const [schema, weights, alignment] = await Promise.all([
    checked('schema.json'),
    checked('weights.safetensors'),
    sums.has('alignment.safetensors') ? checked('alignment.safetensors') : null,
  ])
  return {
    directory: place,
    manifest: parseManifest(json, place),
    schema: parseSchema(parseJson(place, 'schema.json', schema), `${place}/schema.json`),
    matrices: decodeSafetensors(weights, `${place}/weights.safetensors`),
    alignment: alignment && decodeAlignment(alignment, `${place}/alignment.safetensors`),
    panel: null,
  }
}

async function fetchFile(place: string, name: string): Promise<Uint8Array<ArrayBuffer>> {
  const url = `${place}/${name}`
  const response = await fetch(url).catch((cause: unknown) => {
    throw new SnapshotError(
      `${url} cannot be loaded: look at the network and at what the server lets this page read.`,
      {
        cause,
      },
    )
  })
  if (!response.ok)
    throw new SnapshotError(
      `${place} is no whole snapshot: ${name} is answered ${response.status}. Put all its files there.`,
    )
  return new Uint8Array(await response.arrayBuffer())
}

async function checkSum(
  place: string,
  name: string,
  data: Uint8Array<ArrayBuffer>,
  sums: ReadonlyMap<string, string>,
): Promise<Uint8Array<ArrayBuffer>> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', data))
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
