import { type Command, Option } from '@commander-js/extra-typings'
import type { Schema } from '@headwater/features'
import { namedLog } from '../../arguments/log-options.ts'
import { readModelConfig } from '../../arguments/model-config.ts'
import { wholeNumber } from '../../arguments/numbers.ts'
import { userPath } from '../../files/paths.ts'
import { jsonFile, jsonText, printResult } from '../../files/result.ts'
import { renderModel } from './model-table.ts'

/** Adds `headwater model describe|schema`. */
export function registerModel(program: Command): void {
  const model = program.command('model').description('look at the sizes of a model before it is trained')
  model
    .command('describe')
    .description('tokens of each level, parameters, FLOPs and memory of a model, counted without a GPU')
    .addOption(new Option('--preset <name>', 'size of the model').choices(['small', 'base', 'paper']).default('small'))
    .addOption(new Option('--config <file>', 'sizes of the model as JSON, in place of a preset').conflicts('preset'))
    .option('--data <name>', 'movietweetings or a synthetic log, whose features it gets', 'movietweetings')
    .addOption(new Option('--schema <file>', 'features of a log of your own').conflicts('data'))
    .option('--rows <n>', 'rows of a training step and of an encoded batch', wholeNumber(1, 65_536), 2048)
    .option('--json <file>', 'also write it as JSON')
    .action(async (options) => {
      const json = jsonFile(options)
      const [{ compileFeatures }, { presets }, { describeModel }] = await Promise.all([
        import('@headwater/features'),
        import('@headwater/runtime'),
        import('@headwater/training'),
      ])
      const name = options.config ?? options.preset
      const config = options.config === undefined ? presets[options.preset] : await readModelConfig(options.config)
      const { user, item, schema } = compileFeatures(await schemaOf(options))
      const description = describeModel(config, user, item, schema.tasks.length, options.rows)
      const value = { model: name, schema: schema.name, config, ...description }
      await printResult(renderModel(name, schema.name, description), json, value)
    })
  model
    .command('schema')
    .description('the JSON Schema of a model config, as --config takes one')
    .action(async () => {
      const { modelConfigSchema } = await import('@headwater/runtime')
      process.stdout.write(jsonText(modelConfigSchema))
    })
}

/** @throws LogError, SchemaError */
async function schemaOf({ data, schema }: { readonly data: string; readonly schema?: string }): Promise<Schema> {
  const { openLog, readSchema } = await import('@headwater/datasets')
  if (schema !== undefined) return readSchema(userPath(schema))
  const log = await openLog({ data: await namedLog(data) })
  await log.close()
  return log.schema
}
