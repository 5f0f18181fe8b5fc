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
/** Where all of them run: what a checkout needs is found from there. */
export const home = path('.')
const command = [
  process.execPath,
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
/** Against hanging only. */
const patienceMs = 300_000

export class Process {
  readonly child: ChildProcess
  /** Whether it was told to end. */
  isEnding = false
  #output = ''

  /** @param entering a command that runs the one behind it */
  constructor(args: readonly string[], cwd: string, entering: readonly string[] = []) {
    const [program, ...rest] = [...entering, ...command, ...args]
    this.child = spawn(program, rest, {
      cwd: home,
      env: { ...process.env, INIT_CWD: cwd },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.child.stdout!, this.child.stderr!])
      stream.on('data', (text: Buffer) => {
        this.#output = (this.#output + text).slice(-10_000)
      })
  }

  /** What it printed last. */
  get lastWords(): string {
    return this.#output
  }

  /** @throws Error where it ends before it serves, or does not begin to */
  async url(): Promise<string> {
    const endMs = performance.now() + patienceMs
    for (;;) {
      const [, url] = /Serving .* on (http:\/\/[^\s,]+),/.exec(this.#output) ?? []
      if (url !== undefined) return url
      if (this.#hasEnded) throw new Error(`a process has ended:\n${this.#output}`)
      if (performance.now() > endMs) throw new Error(`a process does not serve:\n${this.#output}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  get #hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null
  }

  async ended(): Promise<void> {
    if (!this.#hasEnded) await new Promise((resolve) => this.child.once('exit', resolve))
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.isEnding = true
    this.child.kill(signal)
    await this.ended()
  }
}

/** What servers of a cluster need. */
export interface ClusterParts {
  /** Holds `model`, with two snapshots of which the second is served, and `before`, which serves the first. */
  readonly directory: string
  readonly storeUrl: string
  readonly valkey: ValkeyCluster
  readonly store: EmbeddingStore
  readonly schema: Schema
  /** Starts a command, which ends with all others. @param entering as of `Process` */
  start(args: readonly string[], entering?: readonly string[]): Process
  close(): Promise<void>
}

export interface BenchCluster extends ClusterParts {
  readonly urls: readonly [string, string]
  readonly readers: readonly [Client, Client]
  readonly readerProcesses: readonly Process[]
  readonly workers: (Process | null)[]
  /** Starts a worker in the place of one that was ended. @param model which of the two directories, default `model` */
  startWorker(place: 0 | 1, model?: 'model' | 'before'): Promise<void>
  /** Starts a reader more. */
  startReader(storeUrl: string): Promise<Process>
}

/** The arguments of a server. */
export function serveArgs(role: 'read' | 'refresh', model: 'model' | 'before', storeUrl: string, port = 0): string[] {
  return [
    ...['serve', '--role', role, '--store', storeUrl, '--model', model, '--port', String(port), '--encoder', 'onnx'],
    ...['--claim-after', `${claimMs / 1000}s`, '--max-queue', String(maxQueue)],
  ]
}

/** Trains a small model, and starts Valkey. */
export async function startParts(progress: (line: string) => void): Promise<ClusterParts> {
  const directory = mkdtempSync(join(tmpdir(), 'headwater-bench-'))
  const processes: Process[] = []
  const start = (args: readonly string[], entering?: readonly string[]) => {
    const started = new Process(args, directory, entering)
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
    progress('training a small model (preset small), and starting 3 + 3 Valkey and the servers')
    const log = execFileSync(process.execPath, [path('../examples/own-log/make-log.mjs')], {
      encoding: 'utf8',
      maxBuffer: 2 ** 24,
    })
    writeFileSync(join(directory, 'log.csv'), `${log.split('\n').slice(0, 2_001).join('\n')}\n`)
    writeFileSync(join(directory, 'config.json'), JSON.stringify(presets.small))
    const data = ['--data', 'log.csv', '--schema', schemaFile, '--every', '1d', '--batch-rows', '256']
    const training = start(['train', ...data, '--config', 'config.json', '--out', 'model'])
    const cluster = await startValkeyCluster()
    valkey = cluster
    await training.ended()
    if (training.child.exitCode !== 0) throw new Error(`the model was not trained:\n${training.lastWords}`)
    cpSync(join(directory, 'model'), join(directory, 'before'), { recursive: true })
    await serveSnapshot(join(directory, 'before'), 1, 'promote')
    await serveSnapshot(join(directory, 'model'), 2, 'promote')
    const storeUrl = `valkey://${cluster.nodes.map(({ address }) => address).join(',')}?durability=replica&timeout=1000`
    store = await openStore(storeUrl)
    const schema = parseSchema(JSON.parse(readFileSync(schemaFile, 'utf8')), schemaFile)
    return { directory, storeUrl, valkey: cluster, store, schema, start, close }
  } catch (cause) {
    await close()
    throw cause
  }
}

/** The same with 2 readers and 2 workers, which serve. */
export async function startCluster(progress: (line: string) => void): Promise<BenchCluster> {
  const parts = await startParts(progress)
  const serve = (role: 'read' | 'refresh', model: 'model' | 'before' = 'model', storeUrl = parts.storeUrl) =>
    parts.start(serveArgs(role, model, storeUrl))
  try {
    const workers: (Process | null)[] = [serve('refresh'), serve('refresh')]
    const readers = [serve('read'), serve('read')]
    for (const each of [...workers, ...readers]) await each!.url()
    const urls = [await readers[0].url(), await readers[1].url()] as const
    const clientOf = (url: string) => createClient({ url, deadlineMs: 10_000 })
    return {
      ...parts,
      urls,
      readers: [clientOf(urls[0]), clientOf(urls[1])],
      readerProcesses: readers,
      workers,
      startWorker: async (place, model) => {
        const worker = serve('refresh', model)
        await worker.url()
        workers[place] = worker
      },
      startReader: async (storeUrl) => {
        const reader = serve('read', 'model', storeUrl)
        await reader.url()
        return reader
      },
    }
  } catch (cause) {
    await parts.close()
    throw cause
  }
}
