import {
  type CapacityDemand,
  type DemandNumber,
  demandBounds,
  type MeasuredConstants,
  measuredConstants,
  planCapacity,
  withConstants,
} from '@headwater/load/capacity'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { readJsonFile } from '../../files/json-file.ts'
import { userPath } from '../../files/paths.ts'
import { type JsonOption, jsonFile, printResult } from '../../files/result.ts'
import { renderPlan } from './words.ts'

interface CapacityOptions extends CapacityDemand, JsonOption {
  readonly constants?: string
  readonly encodeUsersPerSecond?: number
}

const options: readonly (readonly [name: DemandNumber, flag: string, description: string])[] = [
  ['users', '--users <n>', 'users of whom something is held'],
  ['models', '--models <n>', 'whose embeddings each of them has'],
  ['dim', '--dim <n>', 'values of an embedding'],
  ['ring', '--ring <n>', 'embeddings kept of a user and model'],
  ['reads', '--reads <n>', 'calls that read, a second'],
  ['usersARead', '--users-a-read <n>', 'users of a call'],
  ['refreshes', '--refreshes <n>', 'of a user and day'],
  ['events', '--events <n>', 'of a user and day'],
  ['replicas', '--replicas <n>', 'of each Valkey master'],
  ['cores', '--cores <n>', 'processors of a machine for readers or workers'],
  ['nodeGigabytes', '--node-gigabytes <n>', 'memory of a Valkey node'],
  ['utilization', '--utilization <share>', 'how busy a processor is made at most'],
  ['fill', '--fill <share>', "how full a Valkey node's memory is made at most"],
]

/** The worked example of help and documentation, by its command line. */
export const exampleArguments = [
  '--users',
  '1e9',
  '--reads',
  '1e6',
  '--users-a-read',
  '1',
  '--refreshes',
  '1',
  '--events',
  '5',
]

/** Adds `headwater capacity`. */
export function registerCapacity(program: Command): void {
  const command = program
    .command('capacity')
    .description('what machines a load takes: readers, workers, Valkey nodes, memory, network and encoders')
  for (const [name, flag, description] of options)
    command.addOption(new Option(flag, description).default(demandBounds[name].standard).argParser(numberOf(name)))
  command
    .addOption(new Option('--codec <codec>', 'of the rings').choices(['fp16', 'int8']).default('fp16'))
    .option(
      '--encode-users-per-second <n>',
      'of one encoder, where yours was measured; default: see constants',
      positive,
    )
    .option('--constants <file>', 'JSON of constants of your own machines, in place of those that Headwater comes with')
    .option('--json <file>', 'also write demand, plan and constants as JSON')
    .addHelpText('after', () => `\nNumbers may be written as 1e9.\n\nExample:\n${example().replace(/^(?=.)/gm, '  ')}`)
    .action(capacity)
}

/** As a terminal shows it. */
export function example(): string {
  const given = Object.fromEntries(
    exampleArguments.flatMap((flag, i) => (i % 2 === 0 ? [[nameOf(flag), Number(exampleArguments[i + 1])]] : [])),
  )
  const defaults = Object.fromEntries(options.map(([name]) => [name, demandBounds[name].standard]))
  const demand = { codec: 'fp16', ...defaults, ...given } as CapacityDemand
  const plan = planCapacity(demand, measuredConstants.constants)
  return `$ headwater capacity ${exampleArguments.join(' ')}\n${renderPlan(demand, plan, measuredConstants)}`
}

const nameOf = (flag: string) => options.find(([, known]) => known.startsWith(`${flag} `))![0]

function numberOf(name: DemandNumber) {
  const { least, most, isWhole } = demandBounds[name]
  return (text: string): number => {
    const value = Number(text)
    if (text.trim() === '' || !(value >= least && value <= most) || (isWhole && !Number.isInteger(value)))
      throw new InvalidArgumentError(
        `Give a ${isWhole ? 'whole ' : ''}number from ${least} to ${most.toLocaleString('en')}.`,
      )
    return value
  }
}

function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('Give a number above 0.')
  return value
}

async function capacity(given: CapacityOptions): Promise<void> {
  const json = jsonFile(given)
  const { constants: file, encodeUsersPerSecond, json: _, ...demand } = given
  const measured = constantsOf(file, encodeUsersPerSecond)
  const plan = planCapacity(demand, measured.constants)
  await printResult(renderPlan(demand, plan, measured), json, { demand, plan, ...measured })
}

/** @throws InputFileError, CapacityError */
function constantsOf(file: string | undefined, encodeUsersPerSecond: number | undefined): MeasuredConstants {
  const path = file === undefined ? null : userPath(file)
  const measured =
    path === null ? measuredConstants : withConstants(measuredConstants, readJsonFile('--constants', path), path)
  if (encodeUsersPerSecond === undefined) return measured
  const encoder = { value: encodeUsersPerSecond, command: '--encode-users-per-second' }
  return { ...measured, constants: { ...measured.constants, encodeUsersPerSecond: encoder } }
}
