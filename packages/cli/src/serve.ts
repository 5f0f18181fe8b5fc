import { existsSync, readFileSync } from 'node:fs'
import type { ServedTenant, Tokens } from '@headwater/pooling/http'
import { type Command, Option } from 'commander'
import { FollowedModel } from './followed-model.ts'
import { userPath } from './paths.ts'
import { userUrl } from './store-url.ts'
import { wholeNumber } from './whole-number.ts'

interface ServeOptions {
  readonly model: string
  readonly store: string
  readonly name: string
  readonly host: string
  readonly port: number
  readonly tokens?: string
  readonly refreshOn: 'event' | 'read' | 'both'
}

/** Options of `headwater serve` that do not go together. */
class ServeError extends Error {
  override readonly name = 'ServeError'
}

const dayMs = 86_400_000
/** Users whose refreshes are computed together, at most. */
const batchRows = 256

/** As `headwater run` serves: docs/decisions/0004 says why. */
const policy = { slot: 'snapshot', count: 3, maxLagMs: 3 * dayMs } as const

/** Adds `headwater serve`. */
export function registerServe(program: Command): void {
  program
    .command('serve')
    .description('serve embeddings over HTTP from a store, and refresh them through the snapshot that a model serves')
    .requiredOption('--model <dir>', "directory of the model's snapshots; the one that is served is followed")
    .requiredOption('--store <url>', 'lmdb:PATH, memory:, or another store')
    .option('--name <model>', 'name of the model in the store and in requests', 'sum')
    .option('--host <host>', 'to listen on', '127.0.0.1')
    .option('--port <n>', 'to listen on; 0: any that is free', wholeNumber(0, 65_535), 8080)
    .option('--tokens <file>', 'JSON of bearer tokens; without it only this machine is served')
    .addOption(
      new Option('--refresh-on <what>', 'what makes a user be refreshed')
        .choices(['event', 'read', 'both'])
        .default('event'),
    )
    .action(serve)
}

async function serve(options: ServeOptions): Promise<void> {
  const stopped = stopSignal()
  // What was opened is closed in the opposite order, also where a later step fails.
  const closers: (() => Promise<void> | void)[] = []
  try {
    await start(options, closers)
    await stopped.signal
  } finally {
    for (const close of closers.reverse()) await close()
    stopped.ignore()
  }
}

async function start(options: ServeOptions, closers: (() => Promise<void> | void)[]): Promise<void> {
  const [{ openStore }, { createPooling, startRefreshing }, { createServer, isLoopback }, { createRowWorkers }] =
    await Promise.all([
      import('@headwater/store'),
      import('@headwater/pooling'),
      import('@headwater/pooling/http'),
      import('@headwater/features/workers'),
    ])
  const tokens = await tokensOf(options.tokens)
  if (tokens === null && !isLoopback(options.host)) {
    throw new ServeError(
      `--host ${options.host} is not this machine alone; give --tokens, so that not everyone can ask.`,
    )
  }
  const report = reporter()
  const model = await FollowedModel.open({
    directory: userPath(options.model),
    name: options.name,
    onSwapped: (snapshot, before) => process.stdout.write(`Snapshot ${snapshot} is served, in place of ${before}.\n`),
    onError: report,
  })
  closers.push(() => model.dispose())
  const store = await openStore(userUrl(options.store))
  closers.push(() => store.close())
  const { space, dim } = model.tower
  const models = [{ name: options.name, dim, policy }]
  const tenants = new Map<string, ServedTenant>()
  const names = [...(tokens?.tenants ?? ['default'])]
  // Rows are made off the thread that answers reads; each tenant has one call under way at most.
  const rowEncoder = createRowWorkers({ schema: space.schema, workers: 1, batchRows, maxCalls: names.length })
  closers.push(() => rowEncoder.close())
  for (const name of names) {
    const own = store.forTenant(name)
    const pooling = createPooling({
      store: own,
      space,
      models,
      clock: Date,
      refreshOn: options.refreshOn,
      refreshDelayMs: 0,
      batchSize: batchRows,
      rowEncoder,
    })
    closers.push(() => pooling.close())
    tenants.set(name, { store: own, pooling })
  }
  const poolings = [...tenants.values()].map(({ pooling }) => pooling)
  await model.follow(poolings)
  closers.push(() => model.stop())
  const refreshers = poolings.map((pooling) => startRefreshing(pooling, { onError: report }))
  closers.push(async () => {
    await Promise.all(refreshers.map((refresher) => refresher.stop()))
  })
  const server = createServer({ tenants, space, models, auth: tokens ?? 'loopback', onError: report })
  closers.push(() => server.close())
  const address = await server.listen({ host: options.host, port: options.port })
  const who = tokens === null ? 'this machine alone, without tokens' : `tenants ${tokens.tenants.join(', ')}`
  process.stdout.write(
    `Serving snapshot ${model.tower.manifest.snapshot} as "${options.name}" on ${address}, for ${who}.\n`,
  )
}

async function tokensOf(file: string | undefined): Promise<Tokens | null> {
  if (file === undefined) return null
  const path = userPath(file)
  if (!existsSync(path)) throw new ServeError(`--tokens: there is no file ${path}; docs/http.md says how to make one.`)
  const { parseTokens } = await import('@headwater/pooling/http')
  return parseTokens(readFileSync(path, 'utf8'), path)
}

/** A first SIGTERM or SIGINT ends the server in order, a second at once. */
function stopSignal(): { readonly signal: Promise<void>; ignore(): void } {
  let stop = () => {}
  const signal = new Promise<void>((resolve) => {
    stop = () => {
      process.off('SIGTERM', stop).off('SIGINT', stop)
      resolve()
    }
  })
  process.on('SIGTERM', stop).on('SIGINT', stop)
  return { signal, ignore: () => process.off('SIGTERM', stop).off('SIGINT', stop) }
}

/** Tells of failures on stderr, of the same one not more than every ten seconds. */
function reporter(): (error: unknown) => void {
  const toldMs = new Map<string, number>()
  return (error) => {
    const message = error instanceof Error ? error.message : String(error)
    const nowMs = performance.now()
    if (nowMs - (toldMs.get(message) ?? Number.NEGATIVE_INFINITY) < 10_000) return
    // Messages that name a user or a time differ each time.
    if (toldMs.size > 1_000) toldMs.clear()
    toldMs.set(message, nowMs)
    process.stderr.write(`warning: ${message}\n`)
  }
}
