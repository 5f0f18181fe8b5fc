import type { Command } from '@commander-js/extra-typings'
import type { BackendTower, EncoderBackend } from '@headwater/encoder'
import type { FeatureSpace } from '@headwater/features'
import type { PoolingPolicy } from '@headwater/pooling'
import type { EmbeddingStore } from '@headwater/store'
import { CommandError } from '../../arguments/command-error.ts'
import { joinOption } from '../../arguments/log-options.ts'
import { momentMs } from '../../arguments/moment.ts'
import type { OptionsOf } from '../../arguments/options-of.ts'
import { poolingOptions, servingPolicy } from '../../arguments/pooling-options.ts'
import { userUrl } from '../../arguments/store-url.ts'
import { chooseEncoder, type EncoderKind, encoderOption, onnxBackend } from '../../encoder/choose-encoder.ts'
import { userPath } from '../../files/paths.ts'
import { jsonFile, printResult } from '../../files/result.ts'
import { count } from '../../terminal/format.ts'
import { stoppable } from '../../terminal/stoppable.ts'
import { BackfillCheckpoint, type BackfillPlace } from './checkpoint.ts'
import { computeUsers, countUsers } from './compute-users.ts'
import { type BackfillCounts, noneYet, passedOverLines } from './counts.ts'
import { type StatesAsOf, statesOfLog, statesOfStore } from './states.ts'

const batchRows = 512

const declare = (program: Command) =>
  poolingOptions(program.command('backfill'))
    .description("compute the embeddings of all of a store's users by the snapshot that a model serves")
    .requiredOption('--model <dir>', "directory of the model's snapshots")
    .requiredOption('--store <url>', 'lmdb:PATH, valkey://HOST, or another store')
    .option('--name <model>', 'name of the model in the store', 'sum')
    .option('--tenant <name>', 'whose users', 'default')
    .option('--at <time>', 'as of which users are known; default: now', momentMs)
    .option('--events <log>', 'file, glob or directory of events that users are known by, in place of the store')
    .addOption(joinOption())
    .addOption(encoderOption())
    .option('--json <file>', 'also write it as JSON')
    .addHelpText(
      'after',
      '\nIt goes on where the same command was stopped: .headwater-backfill here says where that is.\n',
    )

export const registerBackfill = (program: Command) => declare(program).action(backfill)

async function backfill(options: OptionsOf<typeof declare>): Promise<void> {
  const json = jsonFile(options)
  const [{ openStore }, { compileFeatures }, { servedSnapshotDirectory }] = await Promise.all([
    import('@headwater/store'),
    import('@headwater/features'),
    import('@headwater/snapshot'),
  ])
  const left = 'what was computed stays, and the same command goes on from there'
  const figures = await stoppable(left, async ({ stages, signal, atEnd }) => {
    const kind = await chooseEncoder(options.encoder, (line) => process.stderr.write(`${line}\n`))
    const directory = await servedSnapshotDirectory(userPath(options.model))
    stages.begin('tower', 0)
    const backend = await backendOf(kind)
    const { loadBackendTower } = await import('@headwater/encoder')
    const tower = await loadBackendTower(backend, directory, (number, total) => stages.compiling(number, total))
    atEnd(() => tower.dispose())
    stages.end()
    const space = compileFeatures(tower.schema)
    const url = userUrl(options.store)
    const store = await openStore(url)
    atEnd(() => store.close())
    const { tenant, name: model, at } = options
    const events = options.events === undefined ? null : userPath(options.events)
    const { snapshot, frame } = tower.manifest
    const policy = servingPolicy(options)
    const checkpoint = new BackfillCheckpoint({
      ...{ store: url, tenant, model, snapshot, atMs: at ?? null, events, policy },
      ...(options.join.length > 0 && { join: options.join }),
    })
    const place = checkpoint.read() ?? beginning(at ?? Date.now())
    checkCutoff(tower, place.atMs)
    const own = store.forTenant(tenant)
    const states =
      events === null
        ? await statesOfStore(own, space, place.atMs)
        : await statesOfLog(
            own,
            { data: events, join: options.join, option: '--events' },
            space,
            place.atMs,
            stages,
            signal,
          )
    stages.begin('users', await countUsers(own))
    const counts = await computeAll({ name: model, policy }, own, tower, space, states, place, signal, (reached) => {
      checkpoint.write(reached)
      stages.advance(reached.counts.users)
    })
    stages.end()
    checkpoint.remove()
    return { model, tenant, snapshot, frame, atMs: place.atMs, ...counts }
  })
  await printResult(render(figures), json, figures)
}

/** What an encoder's process computes with, in this one. */
async function backendOf(kind: EncoderKind): Promise<EncoderBackend> {
  const module = kind === 'onnx' ? onnxBackend : (await import('@headwater/encoder')).webgpuBackend
  const { backend }: { backend: EncoderBackend } = await import(module.href)
  return backend
}

const beginning = (atMs: number): BackfillPlace => ({ atMs, lastUser: null, counts: noneYet() })

/** @throws CommandError where the snapshot was trained on events of that time or later */
function checkCutoff({ manifest }: BackendTower, atMs: number): void {
  if (manifest.dataCutoffMs < atMs) return
  const [cutoff, at] = [manifest.dataCutoffMs, atMs].map((timeMs) => new Date(timeMs).toISOString())
  throw new CommandError(
    `snapshot ${manifest.snapshot} was trained on events up to ${cutoff}, which is not before ${at}: its vectors would be a ` +
      'leak. Give a later --at, or promote an earlier snapshot.',
  )
}

/** Computes the users after a place, in the order of keys. @throws the signal's reason; RefreshError */
async function computeAll(
  { name: model, policy }: { readonly name: string; readonly policy: PoolingPolicy },
  store: EmbeddingStore,
  tower: BackendTower,
  space: FeatureSpace,
  states: StatesAsOf,
  place: BackfillPlace,
  signal: AbortSignal,
  onPlace: (place: BackfillPlace) => void,
): Promise<BackfillCounts> {
  const { createPooling } = await import('@headwater/pooling')
  const { manifest, dim } = tower
  const { atMs, lastUser } = place
  const counts = { ...place.counts }
  const models = [{ name: model, dim, policy, defaultVector: new Float32Array(dim) }]
  const pooling = createPooling({ store, space, models, clock: Date, mode: 'stored', batchSize: batchRows })
  try {
    await pooling.publish(model, {
      snapshot: manifest.snapshot,
      frame: manifest.frame,
      // The manifest's cut-off is the last event trained on, an encoder's the first moment behind it.
      dataCutoffMs: manifest.dataCutoffMs + 1,
      dim,
      encode: (batch) => tower.encode(batch),
    })
    const users = keysAfter(store, lastUser)
    const onSlice = (last: string) => onPlace({ atMs, lastUser: last, counts: { ...counts } })
    await computeUsers({ pooling, store, users, atMs, states, counts, signal, onSlice })
    return counts
  } finally {
    await pooling.close()
  }
}

async function* keysAfter(store: EmbeddingStore, lastUser: string | null): AsyncGenerator<string> {
  const last = lastUser === null ? null : Buffer.from(lastUser)
  for await (const user of store.keys('user'))
    if (last === null || Buffer.compare(Buffer.from(user), last) > 0) yield user
}

type BackfillFigures = BackfillCounts & { readonly model: string; readonly snapshot: number; readonly atMs: number }

function render({ model, snapshot, atMs, ...counts }: BackfillFigures): string {
  return [
    `Snapshot ${snapshot} as "${model}", as of ${new Date(atMs).toISOString()}: ` +
      `${count(counts.refreshed)} of ${count(counts.users)} users computed.`,
    ...passedOverLines(counts),
    '',
  ].join('\n')
}
