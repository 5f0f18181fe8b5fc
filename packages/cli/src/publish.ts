import type { Command } from 'commander'
import { jsonFile, printResult } from './result.ts'
import { modelNamed, ServiceError, type ServiceOptions, serviceClient, serviceCommand } from './service.ts'
import { wholeNumber } from './whole-number.ts'

interface PublishOptions extends ServiceOptions {
  readonly model?: string
  readonly rollback: boolean
}

/** Of what is only looked up; a change takes as long as loading does. */
const deadlineMs = 10_000

/** Adds `headwater publish`. */
export function registerPublish(program: Command): void {
  serviceCommand(program, 'publish', 'make a snapshot the one that a running service serves')
    .argument('[snapshot]', 'its number, as `headwater snapshots list` shows it', wholeNumber(1, 0xffff_ffff))
    .option('--rollback', 'serve the one before again, in place of naming one', false)
    .option('--model <name>', 'default: the one that is served')
    .action(publish)
}

async function publish(snapshot: number | undefined, options: PublishOptions): Promise<void> {
  if ((snapshot === undefined) !== options.rollback) {
    throw new ServiceError('Give the number of a snapshot, or --rollback.')
  }
  const json = jsonFile(options)
  const client = await serviceClient(options, deadlineMs)
  const model = await modelNamed(client, options.model)
  const before = (await client.snapshots(model)).snapshots.find(({ state }) => state === 'served')?.snapshot ?? null
  const { snapshot: now } = await (snapshot === undefined ? client.rollback(model) : client.promote(model, snapshot))
  const inPlace = before === null || before === now ? '' : `, in place of ${before}`
  await printResult(`Snapshot ${now} of "${model}" is served${inPlace}.\n`, json, { model, before, now })
}
