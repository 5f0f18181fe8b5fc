import { Command, Option } from '@commander-js/extra-typings'
import {
  type CapacityDemand,
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

/** The options of the demand are those of the scale model: names, bounds, defaults and meanings. */
const demandOptions = Object.entries(demandBounds).map(([name, { least, most, isWhole, standard, meaning }]) => {
  const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  const fits = (value: number) => value >= least && value <= most && (!isWhole || Number.isInteger(value))
  const ask = `Give a ${isWhole ? 'whole ' : ''}number from ${least} to ${most.toLocaleString('en')}.`
  const option = new Option(`--${flag} ${most === 1 ? '<share>' : '<n>'}`, meaning)
  return option.default(standard).argParser(numberThat(fits, ask))
})

const declare = (program: Command) => {
  const command = program.command('capacity') as Command as Command<[], CapacityDemand>
  command.description('what machines a load takes: readers, workers, Valkey nodes, memory, network and encoders')
  for (const option of demandOptions) command.addOption(option)
  return command
    .addOption(new Option('--codec <codec>', 'of the rings').choices(['fp16', 'int8']).default('fp16'))
    .option(
      '--encode-users-per-second <n>',
      'of one encoder, where yours was measured; default: see constants',
      numberThat((value) => value > 0 && Number.isFinite(value), 'Give a number above 0.'),
    )
    .option('--constants <file>', 'JSON of constants of your own machines, in place of those that Headwater comes with')
    .option('--json <file>', 'also write demand, plan and constants as JSON')
    .addHelpText('after', () => `\nNumbers may be written as 1e9.\n\nExample:\n${example().replace(/^(?=.)/gm, '  ')}`)
}

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
