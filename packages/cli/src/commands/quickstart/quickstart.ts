import { join, relative } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Command } from '@commander-js/extra-typings'
import { CommandError } from '../../arguments/command-error.ts'
import { roundLength } from '../../arguments/duration.ts'
import { dataArgument, joinOption, openedLog } from '../../arguments/log-options.ts'
import type { OptionsOf } from '../../arguments/options-of.ts'
import { openOutputDirectory, writeOutputFiles } from '../../files/output.ts'
import { userDirectory, userPath } from '../../files/paths.ts'
import { isQuiet, keepQuiet } from '../../terminal/quiet.ts'
import { shellWord } from '../../terminal/shell-word.ts'
import { stoppable } from '../../terminal/stoppable.ts'
import { registerIngest } from '../ingest/ingest.ts'
import { registerInit } from '../init/init.ts'
import { registerRead } from '../read/read.ts'
import { declareServe } from '../serve/options.ts'
import { type Listening, serveWhile } from '../serve/serve.ts'
import { registerTrain } from '../train/train.ts'

/** The command fails where the event has not reached the embedding by then. */
const patienceMs = 30_000
const pollMs = 20

const help = `
Each step is a command of its own, shown before it runs, and all of them run in this process: nothing goes on once it has
ended. It serves until Ctrl-C.
`

const declare = (program: Command) =>
  program
    .command('quickstart')
    .description('from a log to a served embedding: describe, train, serve, send an event, read what came of it')
    .option('--data <what>', 'movietweetings (bundled), or a file or glob of your own', 'movietweetings')
    .addOption(joinOption())
    .option('--schema <file>', "JSON that describes a file's columns; without it the file is looked at")
    .option('--out <dir>', 'where schema, model and store go; it must be new or empty', 'quickstart')
    .option('--port <n>', 'to serve on; 0: any that is free', '0')
    .option('--exit', 'end once the embedding was read', false)
    .addHelpText('after', help)

type QuickstartOptions = OptionsOf<typeof declare>

/** Adds `headwater quickstart`. */
export const registerQuickstart = (program: Command) => declare(program).action(quickstart)

async function quickstart({ data, join: joined, schema, out, port, exit }: QuickstartOptions): Promise<void> {
  const { kind } = await dataArgument(data)
  if (kind === 'synthetic')
    throw new CommandError('--data: quickstart takes the bundled log or a file; `headwater generate` writes a file.')
  const beganMs = performance.now()
  const directory = openOutputDirectory(out)
  // The next command is shown here.
  if (!isQuiet('progress')) keepQuiet('hints')
  const place = (name: string) => join(out, name)
  const joins = joined.flatMap((file) => ['--join', relative(userDirectory(), file)])
  try {
    const described = kind === 'file' ? ['--schema', schema ?? place('schema.json')] : []
    if (kind === 'file' && schema === undefined)
      await step(registerInit, 'init', '--data', data, ...joins, ...described, '--yes')
    const every = await roundsOf(data, described[1], joined)
    const ofLog = ['--data', data, ...described, ...joins]
    await step(registerTrain, 'train', ...ofLog, '--every', every, '--out', place('model'))
    const serving = ['--model', place('model'), '--store', `lmdb:${place('store')}`, '--backfill', data, ...joins]
    show('serve', ...serving, '--port', port)
    const command = declareServe(new Command())
    command.parseOptions([...serving, '--port', port])
    await serveWhile(command.opts(), async (listening) => {
      await eventReachesEmbedding(listening, place)
      const seconds = ((performance.now() - beganMs) / 1000).toFixed(0)
      const until = exit ? '' : ' Ctrl-C ends it.'
      const where = `Schema, model and store: ${directory.path}`
      process.stdout.write(
        `\nA served embedding after ${seconds} s. Console: ${listening.url}/console.${until}\n${where}\n`,
      )
      if (!exit) await listening.stopped
    })
  } finally {
    directory.release()
  }
}

/** Reads a user, sends an event of that user, and reads again once the embedding knows of it. */
async function eventReachesEmbedding({ url, sample }: Listening, place: (name: string) => string): Promise<void> {
  if (sample === null) throw new CommandError('the store has no user and item yet, so there is nothing to read.')
  const { createClient } = await import('@headwater/client')
  const client = createClient({ url, deadlineMs: 10_000 })
  const [{ model, snapshot }] = await client.models()
  const featureTimeMs = async () => (await client.read([sample.user], [model])).models[0].featureTimeMs[0]
  await step(registerRead, 'read', sample.user, '--url', url)
  const before = await featureTimeMs()
  const event = place('event.jsonl')
  writeOutputFiles(new Map([[userPath(event), `${sample.row}\n`]]))
  const schema = join(place('model'), `snapshot-${String(snapshot).padStart(6, '0')}`, 'schema.json')
  await step(registerIngest, 'ingest', event, '--schema', schema, '--url', url)
  const untilMs = performance.now() + patienceMs
  while ((await featureTimeMs()) <= before) {
    if (performance.now() > untilMs)
      throw new CommandError(`the event of ${sample.user} has not reached the embedding in ${patienceMs / 1000} s.`)
    await wait(pollMs)
  }
  await step(registerRead, 'read', sample.user, '--url', url)
}

/** Runs a command in this process, after showing it. @throws what the command throws */
async function step(register: (program: Command) => void, ...words: string[]): Promise<void> {
  show(...words)
  const program = new Command().exitOverride()
  register(program)
  await program.parseAsync(words, { from: 'user' })
}

function show(...words: string[]): void {
  process.stdout.write(`\n$ npx headwater ${words.map(shellWord).join(' ')}\n`)
}

async function roundsOf(data: string, schema: string | undefined, joined: readonly string[]): Promise<string> {
  const { data: path } = await dataArgument(data)
  const source = { data: path, join: joined, ...(schema !== undefined && { schema: userPath(schema) }) }
  return stoppable('nothing was trained', async ({ stages, signal, atEnd }) => {
    const log = await openedLog({ ...source, signal }, stages)
    atEnd(() => log.close())
    return roundLength(log.timeRange.lastMs - log.timeRange.firstMs)
  })
}
