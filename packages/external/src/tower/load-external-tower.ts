import { join } from 'node:path'
import { readSnapshot, type Snapshot, SnapshotError, type SnapshotManifest, towerFolder } from '@headwater/snapshot'
import { parseInputMap } from '../map/input-map.ts'
import { readModelFacts } from '../model/model-facts.ts'
import { readKeys } from '../vocabulary/vocabulary.ts'
import { type ExternalTower, openTower } from './external-tower.ts'
import { newcomer } from './newcomer.ts'

/** A snapshot's tower that was made elsewhere, ready to run. */
export interface LoadedExternalTower extends Pick<ExternalTower, 'schema' | 'layout' | 'dim' | 'encode' | 'dispose'> {
  readonly manifest: SnapshotManifest
}

/**
 * Loads the tower of a snapshot whose tower was made elsewhere, and runs a row through it.
 * @param source directory of the snapshot, or the snapshot itself as it was read
 * @throws SnapshotError where it is damaged, or has a tower of ours; ExternalTowerError
 */
export async function loadExternalTower(source: string | Snapshot): Promise<LoadedExternalTower> {
  const { directory, manifest, schema, alignment } = typeof source === 'string' ? await readSnapshot(source) : source
  const { external } = manifest
  if (external === undefined)
    throw new SnapshotError(
      `${directory} has a tower of Headwater's own; load it by \`loadTower\` of @headwater/runtime.`,
    )
  const { count, width } = external.embeddings
  if (alignment && alignment.dim !== count * width)
    throw new SnapshotError(
      `${directory}: its alignment is ${alignment.dim} wide, its embeddings are ${count * width}. Import it again.`,
    )
  const fileIn = (name: string) => join(directory, towerFolder, name)
  const map = parseInputMap(external.map, `${directory}/manifest.json, external.map`)
  const keys = new Map<string, readonly string[]>()
  for (const [name, file] of Object.entries(external.vocabularies)) keys.set(name, await readKeys(fileIn(file)))
  const model = fileIn(external.model)
  const tower = await openTower({ model, facts: await readModelFacts(model), map, keys, schema, alignment })
  try {
    await tower.encode(newcomer(schema))
  } catch (cause) {
    await tower.dispose()
    throw cause
  }
  return Object.assign(tower, { manifest })
}
