/** The models of a server: each follows its directory, and all go through one encoder. */
import type { EncoderProcess, FollowedModel } from '@headwater/encoder'
import type { Schema } from '@headwater/features'
import { CommandError } from '../../arguments/command-error.ts'
import type { ServeCluster } from './cluster.ts'
import { shadowedModel } from './options.ts'
import type { Serving } from './report.ts'
import { comparePanel, describeShadow } from './shadow.ts'

export interface ServeModel {
  readonly schema: Schema
  readonly dim: number
  /** Null where other processes refresh. */
  readonly followed: FollowedModel | null
}

/**
 * The models of a server without an encoder: by the newest snapshot that is not refused, as its workers serve that.
 * @throws CommandError where their schemas differ; SnapshotError, ServedSnapshotError, SnapshotRefusedError
 */
export async function readServeModels(
  directories: ReadonlyMap<string, string>,
  warn: (error: unknown) => void,
): Promise<ReadonlyMap<string, ServeModel>> {
  const [{ newestServable }, { snapshotEmbeddings }, { readSnapshot }] = await Promise.all([
    import('@headwater/encoder'),
    import('@headwater/runtime'),
    import('@headwater/snapshot'),
  ])
  const read = async (path: string) => {
    const snapshot = await readSnapshot(path)
    return { schema: snapshot.schema, embeddings: snapshotEmbeddings(snapshot) }
  }
  const models = new Map<string, ServeModel>()
  for (const [name, directory] of directories) {
    const { schema, embeddings } = (await newestServable(directory, read, warn)).result
    const { count, width } = embeddings
    models.set(name, { schema, dim: count * width, followed: null })
  }
  checkSchemas(models)
  return models
}

/** @param directories by name of the model @throws CommandError where their schemas differ; what `followModel` throws */
export async function loadServeModels(
  { options, say, warn }: Serving,
  directories: ReadonlyMap<string, string>,
  encoder: EncoderProcess,
  cluster: ServeCluster | null,
): Promise<ReadonlyMap<string, ServeModel>> {
  const [{ followModel }, { snapshotDigest }] = await Promise.all([
    import('@headwater/encoder'),
    import('@headwater/snapshot'),
  ])
  const shadowed = shadowedModel(options, directories)
  const models = new Map<string, ServeModel>()
  for (const [name, directory] of directories) {
    const followed = await followModel({
      encoder,
      directory,
      name,
      ...(cluster && {
        admit: async ({ directory: path, snapshot }) => cluster.node.admit(name, snapshot, await snapshotDigest(path)),
      }),
      ...(name === shadowed && { shadow: { snapshot: options.shadow!.snapshot, share: options.shadowShare } }),
      onSwapped: (snapshot, before) => say(`Snapshot ${snapshot} is served as "${name}", in place of ${before}.`),
      comparePanel,
      onShadowed: (shadow, served, panel) => say(describeShadow(name, shadow, served, panel)),
      onError: warn,
    })
    const { schema, dim } = followed.served
    models.set(name, { schema, dim, followed })
  }
  checkSchemas(models)
  return models
}

/** A user has one state, whatever models read it. */
function checkSchemas(models: ReadonlyMap<string, ServeModel>): void {
  const [[first, { schema }], ...others] = models
  const wanted = JSON.stringify(schema)
  for (const [name, model] of others)
    if (JSON.stringify(model.schema) !== wanted)
      throw new CommandError(
        `models "${first}" and "${name}" have different schemas; serve them from stores of their own.`,
      )
}
