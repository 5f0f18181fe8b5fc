import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { CommanderError } from 'commander'
import { version } from '../provenance/provenance.ts'
import { keepQuiet } from '../terminal/quiet.ts'
import { registerBackfill } from './backfill/backfill.ts'
import { registerCapacity } from './capacity/capacity.ts'
import { registerDoctor } from './doctor/doctor.ts'
import { registerEvaluate } from './evaluate/evaluate.ts'
import { registerExport } from './export/export.ts'
import { registerForget } from './forget/forget.ts'
import { registerGenerate } from './generate/generate.ts'
import { registerIngest } from './ingest/ingest.ts'
import { registerInit } from './init/init.ts'
import { registerLogs } from './logs/logs.ts'
import { registerModel } from './model/model.ts'
import { registerPublish } from './publish/publish.ts'
import { registerQuickstart } from './quickstart/quickstart.ts'
import { registerRead } from './read/read.ts'
import { registerRun } from './run/run.ts'
import { registerServe } from './serve/serve.ts'
import { registerSnapshots } from './snapshots/snapshots.ts'
import { registerStore } from './store/store.ts'
import { registerStress } from './stress/stress.ts'
import { registerTrain } from './train/train.ts'

/** In the order of the help. */
const commands: readonly ((program: Command) => void)[] = [
  registerQuickstart,
  registerInit,
  registerRun,
  registerEvaluate,
  registerGenerate,
  registerTrain,
  registerModel,
  registerSnapshots,
  registerExport,
  registerServe,
  registerBackfill,
  registerRead,
  registerIngest,
  registerPublish,
  registerForget,
  registerStress,
  registerCapacity,
  registerStore,
  registerLogs,
  registerDoctor,
]

/** A command imports what it needs when it runs, so that help is quick and `doctor` works where a native binding does not. */
export function createProgram(): Command {
  const program = new Command('headwater')
    .description('Scaling user modeling: train user towers, serve their embeddings, measure the gain')
    .version(version)
    .showHelpAfterError('Add --help to see what is possible.')
    .exitOverride()
  for (const register of commands) register(program)
  for (const command of leavesOf(program)) {
    command.option('--quiet', 'neither progress nor what to do next')
    checkRequiredLast(command)
  }
  return program.hook('preAction', (_, command) => keepQuiet(command.opts().quiet === true ? 'all' : 'nothing'))
}

/** Commander tells of a missing option before a mistyped one, which may be the same: here it is the other way round. */
function checkRequiredLast(command: CommandUnknownOpts): void {
  const required = command.options.filter(({ mandatory }) => mandatory)
  for (const option of required) option.makeOptionMandatory(false)
  command.hook('preAction', () => {
    const missing = required.find((option) => command.getOptionValue(option.attributeName()) === undefined)
    if (missing) command.error(`error: required option '${missing.flags}' not specified`)
  })
}

/** Commands that do something, not those that only have others. */
function leavesOf(command: CommandUnknownOpts): readonly CommandUnknownOpts[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf)
}

/**
 * Runs a command line.
 * @returns exit code: 1 where the command failed, 2 where the command line itself is wrong; a message is on stderr.
 */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(args, { from: 'user' })
    return Number(process.exitCode ?? 0)
  } catch (error) {
    // Commander has printed its own; asking for help or the version ends this way too, with code 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    process.stderr.write(`headwater: ${describeFailure(error)}\n`)
    return Number(process.exitCode ?? 1)
  }
}

/**
 * Errors of a class of their own, and those of the operating system, are written for users: their message is enough. Any
 * other error is a bug, and comes with its stack.
 */
function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if ('code' in error && error.code === 'EMFILE')
    return `${error.message}; raise the limit of open files (\`ulimit -n 4096\`) and start again.`
  const builtIn = [Error, TypeError, RangeError, ReferenceError, SyntaxError].some((type) => error.constructor === type)
  return builtIn && !('syscall' in error) ? `this is a bug of Headwater.\n${error.stack}` : error.message
}
