/** Takes a model and its map in as they lie on the disk. */
import { readFile, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Schema } from '@headwater/features'
import { type ExternalTower as ExternalRecord, type TowerFile, towerFileName } from '@headwater/snapshot'
import { ExternalTowerError } from '../errors/external-tower-error.ts'
import { type InputMap, parseInputMap } from '../map/input-map.ts'
import { type ModelFacts, readModelFacts } from '../model/model-facts.ts'
import { readKeys, VocabularyCounts } from '../vocabulary/vocabulary.ts'
import { type ExternalTower, openTower } from './external-tower.ts'

/** Most data files beside a model. */
const mostFiles = 40

/** A model, its map and its vocabularies, read. */
export interface TowerSource {
  readonly model: string
  readonly facts: ModelFacts
  readonly map: InputMap
  readonly schema: Schema
  /** For the vocabularies that are built of the log. */
  readonly counts: VocabularyCounts
  /** Of the vocabularies in files. */
  readonly keys: ReadonlyMap<string, readonly string[]>
}

/** What is published of it. */
export interface ImportedTower {
  readonly tower: ExternalTower
  readonly record: ExternalRecord
  readonly files: ReadonlyMap<string, TowerFile>
}

/** @param mapPath vocabularies' files are looked for from its directory on @throws ExternalTowerError */
export async function readTowerSource(model: string, mapPath: string, schema: Schema): Promise<TowerSource> {
  const facts = await readModelFacts(model)
  const map = parseInputMap(await readJson(mapPath), mapPath)
  await checkDataFiles(model, facts)
  const keys = new Map<string, readonly string[]>()
  for (const [name, source] of Object.entries(map.vocabularies))
    if ('file' in source) keys.set(name, await readKeys(resolve(dirname(mapPath), source.file)))
  return { model, facts, map, schema, keys, counts: new VocabularyCounts(mapPath, map.vocabularies, schema) }
}

/** Opens the tower in its own coordinates; `counts` has seen the log by now. @throws ExternalTowerError */
export async function openTowerSource({
  model,
  facts,
  map,
  schema,
  keys,
  counts,
}: TowerSource): Promise<ImportedTower> {
  const all = new Map([...keys, ...counts.keys()])
  for (const [name, own] of all)
    if (own.length === 0)
      throw new ExternalTowerError(
        model,
        null,
        `vocabulary "${name}" is empty`,
        'the log has none of its keys: check the map',
      )
  const tower = await openTower({ model, facts, map, keys: all, schema, alignment: null })
  const files = new Map<string, TowerFile>([[modelFile, { path: model }]])
  for (const name of facts.dataFiles.keys()) files.set(name, { path: join(dirname(model), name) })
  const vocabularies: Record<string, string> = {}
  for (const [name, own] of all) {
    vocabularies[name] = `${name}.vocabulary.json`
    files.set(vocabularies[name], new TextEncoder().encode(JSON.stringify(own)))
  }
  const { count, width } = map.embeddings
  const { opset, producer } = facts
  const record = { model: modelFile, embeddings: { count, width }, map, vocabularies, opset, producer }
  return { tower, record, files }
}

const modelFile = 'tower.onnx'

async function readJson(path: string): Promise<unknown> {
  const fail = (reason: string, remedy: string, cause: unknown) =>
    new ExternalTowerError(path, null, reason, remedy, { cause })
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw fail(`cannot be read (${cause.code})`, 'check the path', cause)
  })
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw fail('is no JSON', 'mend it', cause)
  }
}

/** @throws ExternalTowerError for one that is not there, or whose name a snapshot cannot keep */
async function checkDataFiles(model: string, { dataFiles }: ModelFacts): Promise<void> {
  const fail = (reason: string, remedy: string) => new ExternalTowerError(model, null, reason, remedy)
  const together = 'save the model with its tensors in one file beside it (onnx.save with all_tensors_to_one_file=True)'
  if (dataFiles.size > mostFiles) throw fail(`its tensors lie in ${dataFiles.size} files`, together)
  for (const [name, tensor] of dataFiles) {
    if (!towerFileName.test(name) || name === modelFile || name.endsWith('.vocabulary.json'))
      throw fail(`tensor "${tensor}" lies in "${name}", a name that a snapshot does not keep`, together)
    const found = await stat(join(dirname(model), name)).catch(() => null)
    if (!found?.isFile())
      throw fail(
        `tensor "${tensor}" lies in the file "${name}", which is not beside the model`,
        `put it into ${dirname(model)}`,
      )
  }
}
