/** Real Valkey servers for tests: on the loopback, in a temporary directory, gone with the process that started them. */
import { mkdirSync, mkdtempSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificate } from './valkey/certificate.ts'
import { ValkeyCluster } from './valkey/cluster.ts'
import { ValkeyNode } from './valkey/node.ts'
import { valkeyProgram } from './valkey/program.ts'

export { type SlotMove, ValkeyCluster } from './valkey/cluster.ts'
export { ValkeyNode } from './valkey/node.ts'
export { type Partition, partitionOf } from './valkey/partition.ts'
export { NoValkeyError, valkeyProgram } from './valkey/program.ts'
export { until } from './valkey/wait-until.ts'

export interface ValkeyOptions {
  /** When a write reaches the disk: `never` (default), within a second, or before its answer. */
  readonly fsync?: 'never' | 'everysec' | 'always'
  /** Of the user `default`. */
  readonly password?: string
  /** Speaks TLS alone, with a certificate of its own making (`ValkeyNode.certificateFile`). */
  readonly tls?: boolean
}

export interface ClusterOptions extends ValkeyOptions {
  /** Default 3. */
  readonly masters?: number
  /** Replicas of each master, default 1. */
  readonly replicas?: number
}

/** One server, with `cluster` one that could join others. Close it when done. @throws NoValkeyError */
export async function startValkey(options: ValkeyOptions & { readonly cluster?: boolean } = {}): Promise<ValkeyNode> {
  const directory = newDirectory()
  const [port] = await freePorts(1)
  return startNode(join(directory, 'single'), port, options.cluster ? { 'cluster-enabled': 'yes' } : {}, options)
}

/** A cluster whose replicas follow their masters already. Close it when done. @throws NoValkeyError */
export async function startValkeyCluster(options: ClusterOptions = {}): Promise<ValkeyCluster> {
  const { masters = 3, replicas = 1 } = options
  const directory = newDirectory()
  const count = masters * (1 + replicas)
  const ports = await freePorts(2 * count)
  const busPorts = ports.slice(count)
  const started = Array.from({ length: count }, (_, n) => {
    const settings = {
      'cluster-enabled': 'yes',
      'cluster-port': String(busPorts[n]),
      'cluster-node-timeout': '2000',
      'cluster-require-full-coverage': 'no',
      'cluster-allow-replica-migration': 'no',
      'repl-diskless-sync-delay': '0',
      // A replica that was never sent anything is not named to clients.
      'repl-ping-replica-period': '1',
    }
    return startNode(join(directory, `node-${n}`), ports[n], settings, options)
  })
  const outcomes = await Promise.allSettled(started)
  const nodes = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  try {
    await Promise.all(started)
    return await ValkeyCluster.join(nodes, busPorts, masters, options.password)
  } catch (error) {
    await Promise.all(nodes.map((node) => node.close()))
    throw error
  }
}

/** The last node in it takes it away. @throws NoValkeyError, before there is one. */
function newDirectory(): string {
  valkeyProgram()
  return mkdtempSync(join(tmpdir(), 'headwater-valkey-'))
}

async function startNode(
  directory: string,
  port: number,
  settings: Readonly<Record<string, string>>,
  { fsync = 'never', password, tls = false }: ValkeyOptions,
): Promise<ValkeyNode> {
  mkdirSync(directory)
  const certificate = tls ? makeCertificate(directory) : undefined
  return ValkeyNode.start({
    port,
    directory,
    password,
    certificate,
    settings: {
      bind: '127.0.0.1',
      save: '',
      appendonly: fsync === 'never' ? 'no' : 'yes',
      appendfsync: fsync === 'never' ? 'no' : fsync,
      ...(password !== undefined && { requirepass: password, masterauth: password }),
      ...(certificate && {
        port: '0',
        'tls-port': String(port),
        'tls-cert-file': certificate.file,
        'tls-key-file': certificate.keyFile,
        'tls-ca-cert-file': certificate.file,
        'tls-auth-clients': 'no',
      }),
      ...settings,
    },
  })
}

/** Below the ports that systems give to outgoing connections: a server that is started again finds its own free. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  while (ports.size < count) {
    const port = 15_000 + Math.floor(Math.random() * 15_000)
    if (!ports.has(port) && (await isFree(port))) ports.add(port)
  }
  return [...ports]
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
