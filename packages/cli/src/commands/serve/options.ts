/** The options of `headwater serve`, and the checks of them that need nothing opened. */
import { type Command, Option } from '@commander-js/extra-typings'
import { InvalidArgumentError } from 'commander'
import { CommandError } from '../../arguments/command-error.ts'
import { durationMs } from '../../arguments/duration.ts'
import { joinOption } from '../../arguments/log-options.ts'
import { numberThat, snapshotNumber, wholeNumber } from '../../arguments/numbers.ts'
import type { OptionsOf } from '../../arguments/options-of.ts'
import { poolingOptions } from '../../arguments/pooling-options.ts'
import { encoderOption } from '../../encoder/choose-encoder.ts'
import { readInput } from '../../files/input.ts'
import { userPath } from '../../files/paths.ts'
import { limitOptions } from './limits.ts'

export interface ModelArgument {
  /** Null where only the directory is given. */
  readonly name: string | null
  /** Or the URL of a publisher. */
  readonly directory: string
}

/** `NAME=` before something. A path before the sign is no name. */
const named = /^([\w-][\w.-]*)=(.*)$/s

/** Parses one more `--model`. */
export function modelArgument(text: string, before: readonly ModelArgument[] = []): readonly ModelArgument[] {
  const [, name = null, directory = text] = named.exec(text) ?? []
  if (directory === '') throw new InvalidArgumentError('Give a directory, or NAME=DIR.')
  return [...before, { name, directory: /^https?:\/\//.test(directory) ? directory : userPath(directory) }]
}

/** @returns the model null where none is named, as there is only one */
export function shadowArgument(text: string) {
  const [, model = null, snapshot = text] = named.exec(text) ?? []
  if (snapshot === 'latest-held') return { model, snapshot: 'latest-held' as const }
  const ask = 'Give the number of a snapshot, or latest-held; before it, MODEL= if there are several.'
  return { model, snapshot: snapshotNumber(ask)(snapshot) }
}

export const shareArgument = numberThat(
  (share) => share > 0 && share <= 1,
  'Give a share of the batches, above 0 and at most 1.',
)

export function urlArgument(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new InvalidArgumentError('Give a URL, as in http://127.0.0.1:4318/v1/traces.')
  return text
}

export function declareServe(program: Command) {
  return limitOptions(poolingOptions(program.command('serve')))
    .description('serve embeddings over HTTP from a store, and refresh them through the snapshots that models serve')
    .requiredOption(
      '--model <[name=]dir|url>',
      "directory of a model's snapshots, or who publishes them: the one that is served is followed; again for another",
      modelArgument,
    )
    .requiredOption('--store <url>', 'lmdb:PATH, memory:, or another store')
    .option(
      '--backfill [log]',
      'before it answers, give an embedding to each user of the store without one; and to those of a log',
    )
    .addOption(joinOption())
    .option('--max-bad-rows <n>', "the backfill's log's to leave out before giving up", wholeNumber(0, 1e9), 0)
    .option('--model-cache <dir>', 'where snapshots of a publisher are kept', '.headwater-snapshots')
    .option('--model-token-file <file>', 'file that holds the token for publishers alone')
    .option('--model-ca <file>', "authority of publishers' certificates, as PEM; default: those that Node trusts")
    .option('--name <model>', 'name of a single model in the store and in requests (default: "sum")')
    .option('--host <host>', 'to listen on', '127.0.0.1')
    .option('--port <n>', 'to listen on; 0: any that is free', wholeNumber(0, 65_535), 8080)
    .option('--health-port <n>', 'for /healthz and /readyz alone, which no caller can take up', wholeNumber(0, 65_535))
    .option('--tokens <file>', 'JSON of bearer tokens; without it only this machine is served')
    .option('--tls-key <file>', 'private key, as PEM; with --tls-cert, serves HTTPS')
    .option('--tls-cert <file>', 'certificate, as PEM')
    .option('--tls-client-ca <file>', "authorities of callers' certificates, as PEM: then each caller must show one")
    .addOption(
      new Option('--role <role>', 'part in a cluster over a Valkey store: answers, refreshes, or both')
        .choices(['read', 'refresh', 'all'])
        .default('all'),
    )
    .option(
      '--claim-after <duration>',
      'refreshes of a worker that is silent for as long are claimed',
      durationMs,
      5_000,
    )
    .option('--max-queue <n>', 'users that may wait for a refresh', wholeNumber(1, 10_000_000), 100_000)
    .addOption(
      new Option('--mode <mode>', 'who computes: refreshes beside reads, reads themselves, or nobody')
        .choices(['asynchronous', 'synchronous', 'stored'])
        .default('asynchronous'),
    )
    .option('--deadline <ms>', 'of computing in a synchronous read', wholeNumber(1, 10_000), 50)
    .addOption(
      new Option('--refresh-on <what>', 'what makes a user be refreshed')
        .choices(['event', 'read', 'both'])
        .default('event'),
    )
    .option('--max-age <duration>', 'older embeddings are flagged stale', durationMs)
    .option('--time-to-live <duration>', 'older embeddings are not served, and removed', durationMs)
    .option('--segment-field <field>', "user's field of which each value has a default embedding of its own")
    .addOption(encoderOption())
    .option(
      '--encoder-cpus <list>',
      'cores that the encoder and the thread that makes its rows keep to, as `taskset -c` takes them',
    )
    .option('--encoder-idle', 'compute only in time that nothing else wants, giving way at once (Linux with `chrt`)')
    .option(
      '--shadow <[name=]snapshot>',
      'number of a snapshot that is computed beside the one served, or latest-held',
      shadowArgument,
    )
    .option('--shadow-share <x>', 'share of the batches that go through the shadow too', shareArgument, 0.1)
    .option('--served-log <dir>', 'keep what is served to whom, as Parquet')
    .option('--served-log-latest', 'keep there also the newest embedding, of reads that ask for it')
    .addOption(
      new Option('--vector-type <type>', 'of the served log: float32 for readers that know no FLOAT16 of Parquet')
        .choices(['float16', 'float32'])
        .default('float16'),
    )
    .option('--event-log <dir>', 'keep events, as `headwater train --follow` reads them')
    .option('--outcome-log <dir>', 'keep outcomes of downstream models')
    .option('--rotate <duration>', "longest that a log's file is written to", durationMs, 600_000)
    .option(
      '--keep-files <n>',
      'finished files of each log that stay, the oldest go first; all without it',
      wholeNumber(1, 2 ** 31 - 1),
    )
    .addOption(
      new Option('--log-level <level>', 'log as JSON lines on stderr').choices(['debug', 'info', 'warn', 'error']),
    )
    .option('--traces <url>', "a collector's route for traces, OTLP over HTTP", urlArgument)
}

export type ServeOptions = OptionsOf<typeof declareServe>

/** Directories by name of the model. @throws CommandError */
export function modelDirectories({ model, name }: ServeOptions): ReadonlyMap<string, string> {
  if (name !== undefined && model.length > 1)
    throw new CommandError('--name names one model; with several, give each as --model NAME=DIR.')
  const directories = new Map<string, string>()
  for (const { name: own, directory } of model) {
    if (own !== null && name !== undefined)
      throw new CommandError(`--name ${name} and --model ${own}=…: name the model in one of the two places.`)
    if (own === null && model.length > 1)
      throw new CommandError(`--model ${directory}: with several models, give each as --model NAME=DIR.`)
    const key = own ?? name ?? 'sum'
    if (directories.has(key)) throw new CommandError(`--model: "${key}" is given twice; give each model its own name.`)
    directories.set(key, directory)
  }
  return directories
}

/** Name of the model that has a shadow, null where none has. @throws CommandError */
export function shadowedModel({ shadow }: ServeOptions, models: ReadonlyMap<string, string>): string | null {
  if (shadow === undefined) return null
  if (shadow.model === null) {
    if (models.size > 1)
      throw new CommandError('--shadow: with several models, name the one that it is of: NAME=SNAPSHOT.')
    return [...models.keys()][0]
  }
  if (models.has(shadow.model)) return shadow.model
  throw new CommandError(`--shadow: no model is named "${shadow.model}"; there are: ${[...models.keys()].join(', ')}.`)
}

/** Key and certificate, undefined without the options. @throws CommandError, InputFileError */
export function tlsOf({ tlsKey, tlsCert, tlsClientCa }: Pick<ServeOptions, 'tlsKey' | 'tlsCert' | 'tlsClientCa'>) {
  if (tlsKey === undefined && tlsCert === undefined && tlsClientCa === undefined) return undefined
  if (tlsKey === undefined || tlsCert === undefined)
    throw new CommandError('--tls-key and --tls-cert go together; give both.')
  return {
    key: readInput('--tls-key', tlsKey),
    cert: readInput('--tls-cert', tlsCert),
    ...(tlsClientCa !== undefined && { clientCa: readInput('--tls-client-ca', tlsClientCa) }),
  }
}

/** How callers are let in: by tokens, or only from this machine. @param why they are needed elsewhere @throws CommandError, InputFileError */
export async function authOf({ host, tokens }: Pick<ServeOptions, 'host' | 'tokens'>, why: string) {
  const { isLoopback, parseTokens } = await import('@headwater/service')
  if (tokens !== undefined) return parseTokens(readInput('--tokens', tokens).toString('utf8'), tokens)
  if (isLoopback(host)) return 'loopback'
  throw new CommandError(`--host ${host} is not this machine alone; give --tokens${why}`)
}
