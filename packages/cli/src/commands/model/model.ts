import type { Schema } from '@headwater/features'
import type { ModelConfig, PresetName } from '@headwater/runtime'
import type { ModelDescription } from '@headwater/training'
import { type Command, Option } from 'commander'
import { namedLog } from '../../arguments/log-name.ts'
import { wholeNumber } from '../../arguments/whole-number.ts'
import { readJsonFile } from '../../files/json-file.ts'
import { checkOutputFile, writeOutputFile } from '../../files/output.ts'
import { userPath } from '../../files/paths.ts'
import { renderModel } from './model-table.ts'

interface DescribeOptions {
  readonly preset: PresetName
  readonly config?: string
  readonly data: string
  readonly schema?: string
  readonly rows: number
  readonly json?: string
}

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
    .action(describe)
  model
    .command('schema')
    .description('the JSON Schema of a model config, as --config takes one')
    .action(async () => {
      const { modelConfigSchema } = await import('@headwater/runtime')
      process.stdout.write(`${JSON.stringify(modelConfigSchema, null, 2)}\n`)
    })
}

async function describe(options: DescribeOptions): Promise<void> {
  const json = options.json === undefined ? null : userPath(options.json)
  if (json !== null) checkOutputFile('--json', json)
  const [{ compileFeatures }, { describeModel }] = await Promise.all([
    import('@headwater/features'),
    import('@headwater/training'),
  ])
  const { name, config } = await modelOf(options)
  const { user, item, schema } = compileFeatures(await schemaOf(options))
  const description: ModelDescription = describeModel(config, user, item, schema.tasks.length, options.rows)
  const value = { model: name, schema: schema.name, config, ...description }
  if (json !== null) writeOutputFile(json, `${JSON.stringify(value, null, 2)}\n`)
  process.stdout.write(renderModel(name, schema.name, description))
}

/** @throws ModelConfigError, InputFileError */
async function modelOf({ preset, config }: DescribeOptions): Promise<{ name: string; config: ModelConfig }> {
  const { parseModelConfig, presets } = await import('@headwater/runtime')
  if (config === undefined) return { name: preset, config: presets[preset] }
  return { name: config, config: parseModelConfig(readJsonFile('--config', userPath(config)), config) }
}

/** @throws LogError, SchemaError */
async function schemaOf({ data, schema }: DescribeOptions): Promise<Schema> {
  const { openLog, readSchema } = await import('@headwater/datasets')
  if (schema !== undefined) return readSchema(userPath(schema))
  const log = await openLog({ data: await namedLog(data) })
  await log.close()
  return log.schema
}
