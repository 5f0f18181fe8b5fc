import { Command, Option } from '@commander-js/extra-typings'
import {
  type DemandNumber,
  demandBounds,
  type MeasuredConstants,
  measuredConstants,
  planCapacity,
  withConstants,
} from '@headwater/load/capacity'
import { numberThat } from '../../arguments/numbers.ts'
import { readJson } from '../../files/input.ts'
import { userPath } from '../../files/paths.ts'
import { jsonFile, printResult } from '../../files/result.ts'
import { renderPlan } from './words.ts'

/** The worked example of help and documentation, by its command line. */
export const exampleArguments = '--users 1e9 --reads 1e6 --users-a-read 1 --refreshes 1 --events 5'.split(' ')

/** An option of the demand; its bounds and its default are those of the scale model. */
function demand<const Flag extends string>(flag: Flag, name: DemandNumber, description: string) {
  const { least, most, isWhole, standard } = demandBounds[name]
  const fits = (value: number) => value >= least && value <= most && (!isWhole || Number.isInteger(value))
  const ask = `Give a ${isWhole ? 'whole ' : ''}number from ${least} to ${most.toLocaleString('en')}.`
  return new Option(flag, description).default(standard).argParser(numberThat(fits, ask))
}

const declare = (program: Command) =>
  program
    .command('capacity')
    .description('what machines a load takes: readers, workers, Valkey nodes, memory, network and encoders')
    .addOption(demand('--users <n>', 'users', 'users of whom something is held'))
    .addOption(demand('--models <n>', 'models', 'whose embeddings each of them has'))
    .addOption(demand('--dim <n>', 'dim', 'values of an embedding'))
    .addOption(demand('--ring <n>', 'ring', 'embeddings kept of a user and model'))
    .addOption(demand('--reads <n>', 'reads', 'calls that read, a second'))
    .addOption(demand('--users-a-read <n>', 'usersARead', 'users of a call'))
    .addOption(demand('--refreshes <n>', 'refreshes', 'of a user and day'))
    .addOption(demand('--events <n>', 'events', 'of a user and day'))
    .addOption(demand('--replicas <n>', 'replicas', 'of each Valkey master'))
    .addOption(demand('--cores <n>', 'cores', 'processors of a machine for readers or workers'))
    .addOption(demand('--node-gigabytes <n>', 'nodeGigabytes', 'memory of a Valkey node'))
    .addOption(demand('--utilization <share>', 'utilization', 'how busy a processor is made at most'))
    .addOption(demand('--fill <share>', 'fill', "how full a Valkey node's memory is made at most"))
    .addOption(new Option('--codec <codec>', 'of the rings').choices(['fp16', 'int8']).default('fp16'))
    .option(
      '--encode-users-per-second <n>',
      'of one encoder, where yours was measured; default: see constants',
      numberThat((value) => value > 0 && Number.isFinite(value), 'Give a number above 0.'),
    )
    .option('--constants <file>', 'JSON of constants of your own machines, in place of those that Headwater comes with')
    .option('--json <file>', 'also write demand, plan and constants as JSON')
    .addHelpText('after', () => `\nNumbers may be written as 1e9.\n\nExample:\n${example().replace(/^(?=.)/gm, '  ')}`)

export function registerCapacity(program: Command): void {
  declare(program).action(async (options) => {
    const json = jsonFile(options)
    const { constants: file, encodeUsersPerSecond, json: _, ...asked } = options
    const measured = constantsOf(file, encodeUsersPerSecond)
    const plan = planCapacity(asked, measured.constants)
    await printResult(renderPlan(asked, plan, measured), json, { demand: asked, plan, ...measured })
  })
}

/** As a terminal shows it. */
export function example(): string {
  const asked = declare(new Command()).parse(exampleArguments, { from: 'user' }).opts()
  const plan = planCapacity(asked, measuredConstants.constants)
  return `$ headwater capacity ${exampleArguments.join(' ')}\n${renderPlan(asked, plan, measuredConstants)}`
}

/** @throws InputFileError, CapacityError */
function constantsOf(file: string | undefined, encodeUsersPerSecond: number | undefined): MeasuredConstants {
  const path = file === undefined ? null : userPath(file)
  const measured =
    path === null ? measuredConstants : withConstants(measuredConstants, readJson('--constants', path), path)
  if (encodeUsersPerSecond === undefined) return measured
  const encoder = { value: encodeUsersPerSecond, command: '--encode-users-per-second' }
  return { ...measured, constants: { ...measured.constants, encodeUsersPerSecond: encoder } }
}
