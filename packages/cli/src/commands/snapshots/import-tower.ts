/** A tower that was made elsewhere becomes a snapshot. */
import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Command } from '@commander-js/extra-typings'
import type { TowerSource } from '@headwater/external'
import type { FeatureSpace } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import type { ExampleFeed, ExternalPublication } from '@headwater/training'
import { CommandError } from '../../arguments/command-error.ts'
import { dataArgument, joinOption, logSettings, openedLog, sayWarnings } from '../../arguments/log-options.ts'
import { momentMs } from '../../arguments/moment.ts'
import { wholeNumber } from '../../arguments/numbers.ts'
import type { OptionsOf } from '../../arguments/options-of.ts'
import { openKeptDirectory, openOutputDirectory, outputFile, writeOutputFiles } from '../../files/output.ts'
import { userPath } from '../../files/paths.ts'
import { jsonFile, jsonText, printResult } from '../../files/result.ts'
import { codeVersion } from '../../provenance/provenance.ts'
import { type Stoppable, stoppable } from '../../terminal/stoppable.ts'

const declare = (snapshots: Command) =>
  snapshots
    .command('import')
    .description('make a snapshot of a user tower that was made elsewhere, an ONNX model')
    .argument('<model>', 'the ONNX file; what it keeps outside lies beside it', userPath)
    .requiredOption('--map <file>', 'JSON that says what each of its inputs is made of')
    .requiredOption('--schema <file>', 'JSON that describes the columns, tasks and features of a log')
    .option('--to <dir>', "directory of the model's snapshots")
    .option('--propose', 'write a first map by the names of the inputs to --map, and import nothing', false)
    .option('--data <log>', 'file or glob of the log on which it is judged; without it by vectors alone')
    .addOption(joinOption())
    .option('--max-bad-rows <n>', 'bad rows to leave out before giving up', wholeNumber(0, 1e9), 0)
    .option('--trained-until <time>', 'time of the newest row that it was trained on', momentMs)
    .option('--json <file>', 'also write it as JSON')

type ImportOptions = OptionsOf<typeof declare>

export const registerImport = (snapshots: Command) =>
  declare(snapshots).action((model, options) =>
    options.propose ? propose(model, options) : importTower(model, options),
  )

async function propose(model: string, options: ImportOptions): Promise<void> {
  const json = jsonFile(options)
  const path = outputFile('--map', options.map)
  if (existsSync(path)) throw new CommandError(`--map: ${path} is there; --propose writes a new file.`)
  const [{ proposeMap, readModelFacts }, { readSchema }] = await Promise.all([
    import('@headwater/external'),
    import('@headwater/datasets'),
  ])
  const map = proposeMap(await readModelFacts(model), await readSchema(userPath(options.schema)))
  writeOutputFiles(new Map([[path, jsonText(map)]]))
  const open = Object.entries(map.inputs).flatMap(([name, one]) => (one === null ? [name] : []))
  const files = Object.values(map.vocabularies).map(({ file }) => file)
  const lines = [
    `${path}: a first map of ${Object.keys(map.inputs).length} inputs. Read it, and mend what was not guessed right.`,
    ...(open.length > 0 ? [`To be filled in: ${open.join(', ')}.`] : []),
    ...(files.length > 0 ? [`It names vocabularies to be put beside it: ${files.join(', ')}.`] : []),
    '',
  ]
  await printResult(lines.join('\n'), json, map)
}

async function importTower(model: string, options: ImportOptions): Promise<void> {
  const json = jsonFile(options)
  if (options.to === undefined) throw new CommandError("Name the directory of the model's snapshots by --to.")
  const directory = openKeptDirectory(options.to)
  const published = await stoppable('nothing was published', async (session) => {
    session.atEnd(() => directory.release())
    return importInto(directory.path, model, options, session)
  })
  await printResult(render(published, basename(model)), json, published)
}

async function importInto(
  to: string,
  model: string,
  options: ImportOptions,
  session: Stoppable,
): Promise<ExternalPublication> {
  const [
    { openTowerSource, readTowerSource },
    { readSchema },
    { compileFeatures },
    { defaultPublication, publishExternal },
  ] = await Promise.all([
    import('@headwater/external'),
    import('@headwater/datasets'),
    import('@headwater/features'),
    import('@headwater/training'),
  ])
  const { data, trainedUntil = null } = options
  const space = compileFeatures(await readSchema(userPath(options.schema)))
  const source = await readTowerSource(model, userPath(options.map), space.schema)
  if (data === undefined && !source.counts.isEmpty)
    throw new CommandError('The map has a vocabulary that is built of the log: name the log by --data.')
  const feed = data === undefined ? null : await feedOf(data, options, space, source, session)
  const imported = await openTowerSource(source)
  session.atEnd(() => imported.tower.dispose())
  const devices: GpuDevice[] = []
  session.atEnd(() => devices[0]?.destroy())
  const device = async () => {
    devices[0] ??= await (await import('@headwater/gpu')).requestDevice()
    return devices[0]
  }
  const candidate = { imported, space, feed, trainedUntilMs: trainedUntil, device }
  return publishExternal(candidate, to, { ...defaultPublication, codeVersion: codeVersion() })
}

/** A log as examples, and its keys counted for vocabularies that are built of it. */
async function feedOf(
  data: string,
  options: ImportOptions,
  space: FeatureSpace,
  { counts }: TowerSource,
  { stages, signal, atEnd }: Stoppable,
): Promise<ExampleFeed> {
  const [{ timeGroups }, { defaultPublication, ExampleFeed, PanelSampler }] = await Promise.all([
    import('@headwater/features'),
    import('@headwater/training'),
  ])
  const settings = { ...logSettings({ ...options, data, seed: 0 }), signal }
  const log = await openedLog({ ...settings, data: (await dataArgument(data)).data }, stages)
  atEnd(() => log.close())
  sayWarnings(log)
  const scratch = openOutputDirectory(undefined)
  atEnd(() => scratch.release())
  const panel = new PanelSampler(defaultPublication.panelUsers, 1)
  const feed = new ExampleFeed(space, join(scratch.path, 'examples'), panel)
  atEnd(() => feed.close())
  stages.begin('read', log.rows)
  let rows = 0
  for await (const group of timeGroups(log.events())) {
    signal.throwIfAborted()
    feed.feed(group)
    for (const event of group) counts.add(event)
    rows += group.length
    stages.advance(rows)
  }
  stages.end()
  return feed
}

function render({ directory, manifest, check }: ExternalPublication, model: string): string {
  const { snapshot, frame, verdict, panel, forward } = manifest
  const known = Object.entries(check.known).map(([input, share]) => {
    const shared = check.shared[input] > 0 ? `; ${check.shared[input]} keys share a hash with another` : ''
    return `Input ${input}: ${share === null ? 'no keys to look up' : `${(100 * share).toFixed(1)} % of keys known`}${shared}`
  })
  const [task] = forward?.tasks ?? []
  return [
    `${model} is snapshot ${snapshot}, frame ${frame}, ${verdict.status}`,
    ...known,
    ...(panel ? [`Panel of ${panel.users} users: residual ${panel.residual.toFixed(4)}`] : []),
    ...(task?.ne
      ? [`Task ${task.task}: NE ${task.ne.toFixed(4)}, that of the served one ${task.parentNe?.toFixed(4) ?? '–'}`]
      : []),
    ...verdict.reasons,
    ...verdict.notes.map((note) => `Note: ${note}`),
    `Written: ${directory}`,
    '',
  ].join('\n')
}
