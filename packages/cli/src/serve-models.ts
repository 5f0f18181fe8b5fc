/** The models of a server: each follows its directory, and all go through one encoder. */
import type { EncoderProcess, FollowedModel } from '@headwater/pooling/encoder'
import { ServeError, type ServeOptions, shadowedModel } from './serve-options.ts'
import type { ServeReport } from './serve-report.ts'
import { describeShadow } from './serve-shadow.ts'

/** @param directories by name of the model @throws ServeError where their schemas differ; what `followModel` throws */
export async function loadServeModels(
  options: ServeOptions,
  directories: ReadonlyMap<string, string>,
  encoder: EncoderProcess,
  { say, warn }: ServeReport,
): Promise<ReadonlyMap<string, FollowedModel>> {
  const { followModel } = await import('@headwater/pooling/encoder')
  const shadowed = shadowedModel(options, directories)
  const models = new Map<string, FollowedModel>()
  for (const [name, directory] of directories) {
    const model = await followModel({
      encoder,
      directory,
      name,
      ...(name === shadowed && { shadow: { snapshot: options.shadow!.snapshot, share: options.shadowShare } }),
      onSwapped: (snapshot, before) => say(`Snapshot ${snapshot} is served as "${name}", in place of ${before}.`),
      onShadowed: (shadow, served) => {
        describeShadow(name, shadow, served).then(say, warn)
      },
      onError: warn,
    })
    models.set(name, model)
  }
  checkSchemas(models)
  return models
}

/** A user has one state, whatever models read it. */
function checkSchemas(models: ReadonlyMap<string, FollowedModel>): void {
  const [[first, { served }], ...others] = models
  const schema = JSON.stringify(served.schema)
  for (const [name, model] of others)
    if (JSON.stringify(model.served.schema) !== schema)
      throw new ServeError(
        `models "${first}" and "${name}" have different schemas; serve them from stores of their own.`,
      )
}
