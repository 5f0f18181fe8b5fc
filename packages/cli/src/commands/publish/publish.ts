import type { Command } from '@commander-js/extra-typings'
import { CommandError } from '../../arguments/command-error.ts'
import { wholeNumber } from '../../arguments/numbers.ts'
import type { OptionsOf } from '../../arguments/options-of.ts'
import { modelNamed, serviceClient, serviceCommand } from '../../client/service-options.ts'
import { jsonFile, printResult } from '../../files/result.ts'
import { publishServe } from './publish-serve.ts'

/** Deadline of look-ups. A change may take longer, as the service loads the snapshot. */
const deadlineMs = 10_000

const declare = (program: Command) =>
  serviceCommand(
    program,
    'publish',
    'make a snapshot the one that a running service serves, or give snapshots to others',
  )
    .argument('[snapshot]', 'its number, as `headwater snapshots list` shows it', wholeNumber(1, 0xffff_ffff))
    .option('--rollback', 'serve the one before again, in place of naming one', false)
    .option('--model <name>', 'default: the one that is served')
    .option('--serve <dir>', "publish a model's directory to servers that name this one's URL as --model")
    .option('--host <host>', 'with --serve: to listen on', '127.0.0.1')
    .option('--port <n>', 'with --serve: to listen on; 0: any that is free', wholeNumber(0, 65_535), 8070)
    .option('--tokens <file>', 'with --serve: JSON of bearer tokens; without it only this machine is served')

export const registerPublish = (program: Command) => declare(program).action(publish)

async function publish(snapshot: number | undefined, options: OptionsOf<typeof declare>): Promise<void> {
  if (options.serve !== undefined) {
    if (snapshot !== undefined || options.rollback)
      throw new CommandError('--serve publishes what the directory serves; `headwater snapshots promote` changes that.')
    await publishServe(options.serve, options)
    return
  }
  if ((snapshot === undefined) !== options.rollback) {
    throw new CommandError(
      'Give the number of a snapshot, or --rollback; or a model’s directory to publish, by --serve.',
    )
  }
  const json = jsonFile(options)
  const client = await serviceClient(options, deadlineMs)
  const model = await modelNamed(client, options.model)
  const before = (await client.snapshots(model)).snapshots.find(({ state }) => state === 'served')?.snapshot ?? null
  const { snapshot: now } = await (snapshot === undefined ? client.rollback(model) : client.promote(model, snapshot))
  const inPlace = before === null || before === now ? '' : `, in place of ${before}`
  await printResult(`Snapshot ${now} of "${model}" is served${inPlace}.\n`, json, { model, before, now })
}
