import type { Command } from '@commander-js/extra-typings'
import type { Client } from '@headwater/client'
import { CommandError } from '../../arguments/command-error.ts'
import { numberThat, wholeNumber } from '../../arguments/numbers.ts'
import type { OptionsOf } from '../../arguments/options-of.ts'
import { accessOptions, serviceAccess, serviceClient } from '../../client/service-options.ts'
import { outputFile, writeOutputFiles } from '../../files/output.ts'
import { userPath } from '../../files/paths.ts'
import { jsonFile, printResult } from '../../files/result.ts'
import { commandLine } from '../../provenance/provenance.ts'
import { stoppable } from '../../terminal/stoppable.ts'
import { madeUpKeys, maxUsers, readKeys } from './users.ts'

const help = `
It sends calls to the URL that is given and to nothing else, up to --max-per-second and for --max-seconds at most.
Calls are due at times that were fixed before (open loop); latencies count from then.

Example:
  $ headwater stress http://127.0.0.1:8080 --keys users.txt --p99-ms 20
`

const share = numberThat((value) => value >= 0 && value <= 1, 'Give a share from 0 to 1.')

const declare = (program: Command) =>
  accessOptions(program.command('stress'))
    .description('raise the rate of calls on a running service until its p99 breaks, and name the bottleneck')
    .argument('<url>', 'of the service, as in http://127.0.0.1:8080')
    .option(
      '--users <n>',
      'users to ask for, whose keys are made up: user-0, user-1, …',
      wholeNumber(1, maxUsers),
      10_000,
    )
    .option('--keys <file>', 'keys of users to ask for in their place, one a line')
    .option('--model <name...>', 'default: all that are served')
    .option('--users-a-call <n>', 'that a call reads', wholeNumber(1, 10_000), 100)
    .option('--events <share>', 'of the calls that send an event of one user: they change what is held', share, 0)
    .option('--p99-ms <ms>', 'a longer p99 is broken', wholeNumber(1, 10_000), 50)
    .option('--max-per-second <n>', 'highest rate of calls; the first is a 64th', wholeNumber(1, 100_000), 2_000)
    .option('--max-seconds <n>', 'in all', wholeNumber(5, 3_600), 180)
    .option('--step-seconds <n>', 'of one rate', wholeNumber(1, 300), 5)
    .option('--connections <n>', 'to the service; calls beyond wait for one', wholeNumber(1, 128), 64)
    .option('--report <file>', 'where the HTML report goes', 'stress.html')
    .addHelpText('after', help)

type StressOptions = OptionsOf<typeof declare>

export const registerStress = (program: Command) => declare(program).action(stress)

/** Of the calls before the ramp. */
const deadlineMs = 10_000

async function stress(url: string, options: StressOptions): Promise<void> {
  const json = jsonFile(options)
  const report = outputFile('--report', options.report)
  const keys = options.keys === undefined ? null : userPath(options.keys)
  const users = keys === null ? madeUpKeys(options.users) : readKeys(keys)
  const client = await serviceClient({ ...options, url }, deadlineMs)
  const models = await askOnce(client, url, users, options)
  const [{ runStress }, { renderStressReport }, { renderText }] = await Promise.all([
    import('@headwater/load/stress'),
    import('./report.ts'),
    import('./words.ts'),
  ])
  const { usersACall, p99Ms, maxPerSecond, maxSeconds, stepSeconds, connections } = options
  const bounds = { p99Ms, maxPerSecond, maxSeconds, stepSeconds, connections }
  const settings = { url, keys, users: users.length, models, usersACall, eventsShare: options.events, ...bounds }
  const target = { url, ...serviceAccess(options) }
  const found = await stoppable('what was found so far is written', ({ stages, signal }) =>
    runStress({ settings, target, users, stages, signal }),
  )
  writeOutputFiles(new Map([[report, renderStressReport(found, commandLine())]]))
  await printResult(`${renderText(found)}Report: ${report}\n`, json, found)
  if (found.holds === null && found.breaks !== null) throw new CommandError(noRateHeld(found.breaks, found.settings))
}

/** Makes each call of the ramp once, so that what cannot work fails before it. @returns the models @throws CommandError, ClientError */
async function askOnce(
  client: Client,
  url: string,
  users: readonly string[],
  options: StressOptions,
): Promise<string[]> {
  const served = (await client.models()).map(({ model }) => model)
  if (served.length === 0)
    throw new CommandError(`${url} serves no models; give it one (headwater serve --model DIR) and try again.`)
  const models = [...(options.model ?? served)]
  const unknown = models.find((model) => !served.includes(model))
  if (unknown !== undefined)
    throw new CommandError(`--model: ${url} serves no "${unknown}"; it serves: ${served.join(', ')}.`)
  const asked = Array.from({ length: options.usersACall }, (_, i) => users[i % users.length])
  await client.read(asked, models)
  if (options.events > 0)
    await client.ingest({ users: [users[0]], items: ['stress'], timesMs: [Date.now()], fields: {} })
  return models
}

function noRateHeld(
  { perSecond, because }: { perSecond: number; because: string },
  { p99Ms }: { p99Ms: number },
): string {
  return (
    `the service broke at the first step, ${perSecond} calls a second (${because}); ` +
    `give a lower --max-per-second, as the first step is a 64th of it, fewer --users-a-call, or more than --p99-ms ${p99Ms}.`
  )
}
