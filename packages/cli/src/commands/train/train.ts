import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Command, Option } from '@commander-js/extra-typings'
import type { Log } from '@headwater/datasets'
import type { ModelConfig } from '@headwater/runtime'
import type { Snapshot } from '@headwater/snapshot'
import type { RoundReport, RunReporter } from '@headwater/training'
import { CommandError } from '../../arguments/command-error.ts'
import { durationMs } from '../../arguments/duration.ts'
import {
  dataArgument,
  joinOption,
  joinWords,
  logSettings,
  openedLog,
  sayWarnings,
} from '../../arguments/log-options.ts'
import { readModelConfig } from '../../arguments/model-config.ts'
import { numberThat, wholeNumber } from '../../arguments/numbers.ts'
import type { OptionsOf } from '../../arguments/options-of.ts'
import { OutputError, openKeptDirectory, openOutputDirectory } from '../../files/output.ts'
import { userPath } from '../../files/paths.ts'
import { jsonFile, printResult } from '../../files/result.ts'
import { codeVersion } from '../../provenance/provenance.ts'
import { nextStep } from '../../terminal/next-step.ts'
import type { Progress } from '../../terminal/progress.ts'
import { shellWord } from '../../terminal/shell-word.ts'
import { type Stoppable, stoppable } from '../../terminal/stoppable.ts'
import { roundsOfFiles } from './follow.ts'

const fromZero = numberThat((value) => value >= 0 && value <= 1e9, 'Give a number from 0.')

const declare = (program: Command) =>
  program
    .command('train')
    .description('train a user tower in rounds over a log, and publish a snapshot each round')
    .requiredOption(
      '--data <what>',
      'movietweetings (bundled), a synthetic log, or a file or glob; a directory with --follow',
    )
    .option('--schema <file>', "JSON that describes a file's columns, tasks and features")
    .addOption(joinOption())
    .option('--max-bad-rows <n>', 'bad rows to leave out before giving up', wholeNumber(0, 1e9), 0)
    .requiredOption('--out <dir>', 'where snapshots and checkpoints go')
    .option('--rounds <n>', 'rounds to make, those before --resume counted; default: all', wholeNumber(1, 1e9))
    .addOption(
      new Option('--every <time>', 'log time of a round: 90m, 6h, 1d, 2w')
        .argParser(durationMs)
        .default(durationMs('1d'), '1d'),
    )
    .option('--follow', 'take each new file of a directory as a round, and wait for more', false)
    .addOption(new Option('--preset <name>', 'size of the tower; default: small').choices(['small', 'base', 'paper']))
    .addOption(new Option('--config <file>', 'sizes of the towers as JSON, in place of a preset').conflicts('preset'))
    .option('--warm-start <dir>', 'begin with the weights of a snapshot, or of the one that a model serves')
    .addOption(
      new Option('--alignment <method>', 'how vectors are kept in line with those of the snapshot before')
        .choices(['procrustes', 'distillation', 'both', 'none'])
        .default('procrustes'),
    )
    .option('--distillation-weight <weight>', 'of the distance from the vectors before', fromZero, 0.1)
    .option('--batch-rows <n>', 'rows of a step', wholeNumber(1, 65_536), 512)
    .option('--seed <n>', 'of initialization, order and dropout', wholeNumber(0, 1e9), 1)
    .option('--resume', 'go on from the newest checkpoint under --out', false)
    .option('--max-norm <norm>', 'clip gradients to this global norm; 0: never', fromZero, 0)
    .addOption(
      new Option('--schedule <decay>', 'of the learning rates in a round')
        .choices(['constant', 'cosine'])
        .default('constant'),
    )
    .option('--warm-up <steps>', 'steps of a round over which the rates rise', wholeNumber(0, 1e9), 0)
    .option('--max-bad-steps <n>', 'steps of a round that may be left out for NaN', wholeNumber(0, 1e9), 10)
    .option('--checkpoint-every <steps>', 'steps between checkpoints', wholeNumber(1, 1e9), 500)
    .option('--json <file>', 'also write the figures of each round as JSON')

type TrainOptions = OptionsOf<typeof declare>

export const registerTrain = (program: Command) => declare(program).action(train)

async function train(options: TrainOptions): Promise<void> {
  const json = jsonFile(options)
  // A model may continue in its own directory: its next snapshots are aligned with the one that it serves.
  const isOwn = options.warmStart !== undefined && userPath(options.warmStart) === userPath(options.out)
  const isKept = options.resume || isOwn || hasNoCheckpointYet(options.out)
  const directory = isKept ? openKeptDirectory(options.out) : openOutputDirectory(options.out)
  const left = `go on with --resume. Snapshots and checkpoints are under ${directory.path}`
  await stoppable(left, async (session) => {
    session.atEnd(() => directory.release())
    const reports = await trainInto(directory.path, options, session)
    const next = options.follow ? '' : nextStep(await serveCommand(options))
    await printResult(`Snapshots: ${directory.path}\n${next}`, json, { rounds: reports.map(figuresOf) })
  })
}

/** With a new store, which gets the users of the log. */
async function serveCommand({ data, out, ...log }: TrainOptions): Promise<string> {
  // Which of the synthetic logs it was is known to its seed alone.
  const isAnyonesLog = (await dataArgument(data)).kind !== 'synthetic'
  const backfill = isAnyonesLog ? ['--backfill', shellWord(data), ...joinWords(log)] : []
  const words = ['npx headwater serve --model', shellWord(out), '--store', shellWord(`lmdb:${out}-store`), ...backfill]
  return words.join(' ')
}

async function trainInto(
  out: string,
  options: TrainOptions,
  { stages, signal, atEnd }: Stoppable,
): Promise<RoundReport[]> {
  const [{ openLog }, { requestDevice }, { compileFeatures }, library] = await Promise.all([
    import('@headwater/datasets'),
    import('@headwater/gpu'),
    import('@headwater/features'),
    import('@headwater/training'),
  ])
  const { Checkpoints, defaultTraining, RecurringTraining, roundsByTime, stepLog, trainInRounds } = library
  const reports: RoundReport[] = []
  const source = { ...logSettings(options), signal }
  const warn = (message: string) => {
    process.stderr.write(`warning: ${message}\n`)
  }
  const { config, snapshot } = await startOf(options)
  const schema = options.follow ? await followedSchema(options) : null
  if (schema?.negatives)
    throw new CommandError(
      '--follow: the schema has "negatives", and what is live is known by the whole log, not by one of its files; leave --follow out.',
    )
  const opened = async () => openedLog({ ...source, data: (await dataArgument(options.data)).data }, stages)
  const log = options.follow ? null : await opened()
  atEnd(async () => log?.close())
  if (log) sayWarnings(log)
  const device = await requestDevice()
  device.onCompile = (number, total) => stages.compiling(number, total)
  atEnd(() => device.destroy())
  const space = compileFeatures(schema ?? log!.schema)
  const training = new RecurringTraining(device, space, await examplePath(out), {
    ...defaultTraining,
    config,
    seed: options.seed,
    batchRows: options.batchRows,
    maxNorm: options.maxNorm,
    maxBadSteps: options.maxBadSteps,
    schedule: { warmUpSteps: options.warmUp, decay: options.schedule, finalShare: 0 },
    publication: {
      ...defaultTraining.publication,
      alignment: options.alignment,
      distillationWeight: options.distillationWeight,
      codeVersion: codeVersion(),
    },
  })
  atEnd(() => training.dispose())
  // A checkpoint, where there is one, replaces these weights; they began with the same snapshot.
  if (snapshot) training.warmStart(snapshot)
  const checkpoints = await Checkpoints.open({
    device,
    directory: join(out, 'checkpoints'),
    settings: training.settings,
    onWarning: warn,
  })
  const resumeFrom = options.resume ? await checkpoints.newest() : null
  if (options.resume && !resumeFrom) warn(`${out} has no checkpoint; the training starts from the beginning.`)
  const begun = resumeFrom?.header.state.training
  const tasks = space.tasks.map(({ name }) => name)
  training.onSteps = stepLog(join(out, 'metrics.jsonl'), tasks, begun ? begun.steps - begun.pendingSteps : 0)
  const rounds = log
    ? roundsByTime(log, options.every)
    : roundsOfFiles({
        directory: userPath(options.data),
        known: resumeFrom?.header.state.labels ?? [],
        open: (data) => openLog({ ...source, data }),
        onWarning: warn,
        signal,
      })
  const finished = await trainInRounds({
    training,
    modelDirectory: out,
    rounds,
    maxRounds: options.rounds ?? Number.POSITIVE_INFINITY,
    checkpoints,
    checkpointEverySteps: options.checkpointEvery,
    resumeFrom,
    reporter: reporterOn(stages, warn, reports, log && { rows: log.rows, rounds: mostRounds(log, options) }),
    signal,
  })
  if (options.rounds !== undefined && finished < options.rounds)
    warn(`The log ended after ${finished} of ${options.rounds} rounds; shorter rounds (--every) would be more.`)
  return reports
}

/** The config of the towers, and the snapshot whose weights they begin with. */
async function startOf({ preset, config, warmStart }: TrainOptions): Promise<{
  readonly config: ModelConfig
  readonly snapshot: Snapshot | null
}> {
  const [{ presets, snapshotConfig }, { readWarmStart }] = await Promise.all([
    import('@headwater/runtime'),
    import('@headwater/training'),
  ])
  const snapshot = warmStart === undefined ? null : await readWarmStart(userPath(warmStart))
  if (config !== undefined) return { config: await readModelConfig(config), snapshot }
  if (preset !== undefined) return { config: presets[preset], snapshot }
  return { config: snapshot ? snapshotConfig(snapshot) : presets.small, snapshot }
}

/** The schema of files that need not be there yet. */
async function followedSchema(options: TrainOptions) {
  const directory = userPath(options.data)
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory())
    throw new CommandError(`--data: ${directory} is no directory; --follow takes the files of one.`)
  if (options.schema === undefined) throw new CommandError('--follow needs --schema, the description of the files.')
  const { readSchema } = await import('@headwater/datasets')
  return readSchema(userPath(options.schema))
}

/** Rows between two reports of how far reading is. */
const toldRows = 4_096

/** Names of a training's examples, with its process. */
const exampleName = /^\.examples-(\d+)(?:\.sequences)?$/

/** Whether a directory has only what a training leaves that was killed before its first checkpoint, or nothing. */
function hasNoCheckpointYet(out: string): boolean {
  const isHidden = (name: string) => name.startsWith('.')
  try {
    return readdirSync(userPath(out)).every((name) => {
      if (name === 'checkpoints') return readdirSync(join(userPath(out), name)).every(isHidden)
      return exampleName.test(name) || name === 'metrics.jsonl'
    })
  } catch {
    return false
  }
}

/** Where the examples of this training go while it runs. Files that killed trainings left are removed. @throws OutputError */
async function examplePath(out: string): Promise<string> {
  const { removeLeftovers } = await import('@headwater/snapshot')
  await removeLeftovers(out, exampleName)
  const other = readdirSync(out).flatMap((name) => exampleName.exec(name)?.[1] ?? [])[0]
  if (other !== undefined)
    throw new OutputError(`--out: process ${other} is training in ${out}; wait for it, or name another directory.`)
  return join(out, `.examples-${process.pid}`)
}

/** Rounds there can be: spans of the log without events make none. */
function mostRounds({ timeRange }: Log, { every, rounds }: TrainOptions): number {
  const { firstMs, lastMs } = timeRange
  return Math.min(rounds ?? Number.POSITIVE_INFINITY, Math.floor((lastMs - firstMs) / every) + 1)
}

/** @param whole rows and rounds, null where files are waited for */
function reporterOn(
  progress: Progress,
  warning: (message: string) => void,
  reports: RoundReport[],
  whole: { readonly rows: number; readonly rounds: number } | null,
): RunReporter {
  /** Rows of earlier rounds, of this one, and those that were told. */
  let [round, before, read, told] = [0, 0, 0, 0]
  let isReading = false
  const begin = (what: string, total: number) =>
    progress.begin(`${what} ${round}${whole ? `/${whole.rounds}` : ''}`, total)
  const endReading = () => {
    if (isReading) progress.end(before + read)
    isReading = false
  }
  return {
    feed: () => {
      // Rounds before a checkpoint are read alone.
      endReading()
      round++
      before += read
      read = 0
      begin('read', whole?.rows ?? 0)
      isReading = true
    },
    fed: (events) => {
      read = events
      if (whole === null || before + read - told < toldRows) return
      told = before + read
      progress.advance(told)
    },
    train: () => {
      endReading()
      begin('train', 0)
    },
    trained: (steps, total) => progress.advance(steps / total),
    published: (report) => {
      progress.end()
      reports.push(report)
      process.stdout.write(`${lineOf(report)}\n`)
    },
    warning,
  }
}

/** A line of a round. */
function lineOf({ round, label, events, summary, manifest }: RoundReport): string {
  const { snapshot, frame, verdict } = manifest
  const steps = summary
    ? `${summary.steps} steps, ${Number.isNaN(summary.loss) ? 'no label of the first task known' : `loss ${summary.loss.toFixed(4)} nats`}`
    : 'its steps were made before the checkpoint'
  const why = verdict.reasons.length > 0 ? `. ${verdict.reasons.join(' ')}` : ''
  return `round ${round}, ${label}: ${events} events, ${steps}; snapshot ${snapshot}, frame ${frame}, ${verdict.status}${why}`
}

function figuresOf({ round, label, events, summary, manifest }: RoundReport) {
  const { snapshot, frame, trainedRows, dataCutoffMs, verdict, panel, forward } = manifest
  return { round, label, events, ...summary, snapshot, frame, trainedRows, dataCutoffMs, verdict, panel, forward }
}
