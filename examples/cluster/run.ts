/**
 * A cluster on one machine, without containers: 3 + 3 Valkey servers, a publisher of snapshots, 2 readers and 2 workers.
 * It trains a small model, checks the cluster (check.ts), and ends it; with --stay it leaves it to you until Ctrl+C.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { parseSchema } from '@headwater/features'
import { startValkeyCluster } from '@headwater/testkit/valkey'
import { check } from './check.ts'
import { Server } from './server.ts'

const { stay } = parseArgs({ options: { stay: { type: 'boolean', default: false } } }).values
const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const say = (line: string) => process.stdout.write(`${line}\n`)
const directory = mkdtempSync(join(tmpdir(), 'headwater-cluster-'))
const closers: (() => Promise<void>)[] = [async () => rmSync(directory, { recursive: true, force: true })]

/** A Valkey server that is still to end does not keep the process alive by itself. */
const alive = setInterval(() => {}, 1_000)

async function close(): Promise<void> {
  for (const each of closers.splice(0).reverse()) await each()
  clearInterval(alive)
}

function start(name: string, ...args: string[]): Server {
  const server = new Server(name, args, directory)
  closers.push(() => server.stop())
  return server
}

const signals = { SIGINT: 130, SIGTERM: 143 } as const
let wake = () => {}
const stopped = new Promise<void>((resolve) => {
  wake = resolve
})
for (const [signal, code] of Object.entries(signals))
  process.once(signal, () => {
    process.exitCode = stay ? 0 : code
    wake()
    if (!stay) void close().finally(() => process.exit(code))
  })

try {
  const log = execFileSync(process.execPath, [path('../own-log/make-log.mjs')], {
    encoding: 'utf8',
    maxBuffer: 2 ** 24,
  })
  writeFileSync(join(directory, 'log.csv'), `${log.split('\n').slice(0, 2_001).join('\n')}\n`)
  const schemaFile = path('../own-log/schema.json')
  const data = ['--data', 'log.csv', '--schema', schemaFile, '--every', '1d', '--batch-rows', '256']
  say('Training a small model, and starting 3 + 3 Valkey servers.')
  const training = start('train', 'train', ...data, '--config', path('model.json'), '--out', 'model')
  const cluster = await startValkeyCluster()
  closers.push(() => cluster.close())
  await training.done()

  const storeUrl = `valkey://${cluster.nodes.map(({ address }) => address).join(',')}?durability=replica&timeout=1000`
  const publisherUrl = await start('publisher', 'publish', '--serve', 'model', '--port', '0').url()
  const serve = (name: string, role: string) =>
    start(
      name,
      ...['serve', '--role', role, '--store', storeUrl, '--model', publisherUrl, '--model-cache', name],
      ...['--port', '0', '--claim-after', '1s'],
    )
  const workers = [serve('worker-1', 'refresh'), serve('worker-2', 'refresh')] as const
  const readers = [serve('reader-1', 'read'), serve('reader-2', 'read')] as const
  for (const server of [...workers, ...readers]) await server.url()
  say(`Readers on ${await readers[0].url()} and ${await readers[1].url()}, 2 workers, snapshots from ${publisherUrl}.`)
  if (stay) {
    say(`The store is ${storeUrl}. Ctrl+C ends it all.`)
    await stopped
  } else {
    const schema = parseSchema(JSON.parse(readFileSync(schemaFile, 'utf8')), schemaFile)
    const clients = [await readers[0].client(), await readers[1].client()] as const
    await check({ cluster, storeUrl, schema, readers: clients, workers, say })
    say('The cluster passed its check.')
  }
} catch (error) {
  process.stderr.write(`The cluster failed its check: ${error instanceof Error ? error.stack : String(error)}\n`)
  process.exitCode = 1
} finally {
  await close()
}
