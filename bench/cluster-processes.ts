/** The processes that the cluster's figures are taken of: 3 + 3 Valkey, 2 readers and 2 workers, on one machine. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Client, createClient } from '@headwater/client'
import { parseSchema, type Schema } from '@headwater/features'
import { presets } from '@headwater/runtime'
import { serveSnapshot } from '@headwater/snapshot'
import { type EmbeddingStore, openStore } from '@headwater/store'
import { startValkeyCluster, type ValkeyCluster } from '@headwater/testkit/valkey'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const command = [
  '--conditions=@headwater/source',
  '--import',
  'tsx',
  fileURLToPath(import.meta.resolve('headwater/main')),
]
const schemaFile = path('../examples/own-log/schema.json')

/** Entries of a worker that is silent for as long are claimed. */
export const claimMs = 2_000
/** Users that may wait for a refresh. */
export const maxQueue = 2_000

export class Process {
  readonly child: ChildProcess
  #output = ''

  constructor(args: readonly string[], cwd: string) {
    this.child = spawn(process.execPath, [...command, ...args], {
      cwd: path('.'),
      env: { ...process.env, INIT_CWD: cwd },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.child.stdout!, this.child.stderr!])
      stream.on('data', (text: Buffer) => {
        this.#output = (this.#output + text).slice(-10_000)
      })
  }

  async url(): Promise<string> {
    for (;;) {
      const [, url] = /Serving .* on (http:\/\/[^\s,]+),/.exec(this.#output) ?? []
      if (url !== undefined) return url
      if (this.child.exitCode !== null) throw new Error(`a process has ended:\n${this.#output}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  async ended(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null)
      await new Promise((resolve) => this.child.once('exit', resolve))
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.child.kill(signal)
    await this.ended()
  }
}

export interface BenchCluster {
  readonly valkey: ValkeyCluster
  readonly store: EmbeddingStore
  readonly schema: Schema
  readonly urls: readonly [string, string]
  readonly readers: readonly [Client, Client]
  readonly readerProcesses: readonly Process[]
  readonly workers: (Process | null)[]
  /** Starts a worker in the place of one that was ended. @param model which of the two directories, default `model` */
  startWorker(place: 0 | 1, model?: 'model' | 'before'): Promise<void>
  /** Starts a reader more. */
  startReader(storeUrl: string): Promise<Process>
  close(): Promise<void>
}

export async function startCluster(progress: (line: string) => void): Promise<BenchCluster> {
  const directory = mkdtempSync(join(tmpdir(), 'headwater-bench-'))
  const processes: Process[] = []
  const start = (...args: string[]) => {
    const started = new Process(args, directory)
    processes.push(started)
    return started
  }
  let valkey: ValkeyCluster | null = null
  let store: EmbeddingStore | null = null
  process.once('exit', () => {
    for (const { child } of processes) child.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  })
  // A Valkey server that is still to end does not keep the process alive by itself.
  const alive = setInterval(() => {}, 1_000)
  const close = async () => {
    await Promise.all(processes.map((each) => each.end('SIGKILL')))
    await store?.close()
    await valkey?.close()
    rmSync(directory, { recursive: true, force: true })
    clearInterval(alive)
  }
  try {
    progress('training a small model (preset small), and starting 3 + 3 Valkey, 2 readers and 2 workers')
    const log = execFileSync(process.execPath, [path('../examples/own-log/make-log.mjs')], {
      encoding: 'utf8',
      maxBuffer: 2 ** 24,
    })
    writeFileSync(join(directory, 'log.csv'), `${log.split('\n').slice(0, 2_001).join('\n')}\n`)
    writeFileSync(join(directory, 'config.json'), JSON.stringify(presets.small))
    const data = ['--data', 'log.csv', '--schema', schemaFile, '--every', '1d', '--batch-rows', '256']
    const training = start('train', ...data, '--config', 'config.json', '--out', 'model')
    const cluster = await startValkeyCluster()
    valkey = cluster
    await training.ended()
    if (training.child.exitCode !== 0) throw new Error('the model was not trained')
    cpSync(join(directory, 'model'), join(directory, 'before'), { recursive: true })
    await serveSnapshot(join(directory, 'before'), 1, 'promote')
    await serveSnapshot(join(directory, 'model'), 2, 'promote')
    const storeUrl = `valkey://${cluster.nodes.map(({ address }) => address).join(',')}?durability=replica&timeout=1000`
    store = await openStore(storeUrl)
    const serve = (role: string, model: string, url = storeUrl) =>
      start(
        ...['serve', '--role', role, '--store', url, '--model', model, '--port', '0', '--encoder', 'onnx'],
        ...['--claim-after', `${claimMs / 1000}s`, '--max-queue', String(maxQueue)],
      )
    const workers: (Process | null)[] = [serve('refresh', 'model'), serve('refresh', 'model')]
    const readers = [serve('read', 'model'), serve('read', 'model')]
    for (const each of [...workers, ...readers]) await each!.url()
    const urls = [await readers[0].url(), await readers[1].url()] as const
    const clientOf = (url: string) => createClient({ url, deadlineMs: 10_000 })
    const startWorker = async (place: 0 | 1, model = 'model') => {
      const worker = serve('refresh', model)
      await worker.url()
      workers[place] = worker
    }
    const startReader = async (url: string) => {
      const reader = serve('read', 'model', url)
      await reader.url()
      return reader
    }
    const schema = parseSchema(JSON.parse(readFileSync(schemaFile, 'utf8')), schemaFile)
    const clients = [clientOf(urls[0]), clientOf(urls[1])] as const
    return {
      valkey: cluster,
      store,
      schema,
      urls,
      readers: clients,
      readerProcesses: readers,
      workers,
      startWorker,
      startReader,
      close,
    }
  } catch (cause) {
    await close()
    throw cause
  }
}
