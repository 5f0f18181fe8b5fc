/** The queue as its server has it, asked directly: a process of the cluster looks once a second. */
import type { BenchCluster } from './cluster-processes.ts'

export const queueKey = 'hw:{queue:default:sum}'

async function askQueue({ valkey }: BenchCluster, command: string, key: string, ...before: string[]): Promise<number> {
  const master = await valkey.masterOfKey(queueKey)
  return Number(await master.command(command, ...before, `${queueKey}:${key}`))
}

/** Of the keys that offers go into. */
export const queueBytes = async (cluster: BenchCluster) =>
  (await askQueue(cluster, 'MEMORY', 'waiting', 'USAGE')) + (await askQueue(cluster, 'MEMORY', 'entries', 'USAGE'))

export const waitingIn = (cluster: BenchCluster) => askQueue(cluster, 'ZCARD', 'waiting')
export const takenIn = (cluster: BenchCluster) => askQueue(cluster, 'XLEN', 'taken')
export const doneIn = async ({ valkey }: BenchCluster): Promise<number> =>
  Number(await (await valkey.masterOfKey(queueKey)).command('HGET', `${queueKey}:figures`, 'done'))
export const isIdle = async (cluster: BenchCluster) => (await waitingIn(cluster)) + (await takenIn(cluster)) === 0

/** The servers' time. */
export async function nowOf({ valkey }: BenchCluster): Promise<number> {
  const master = await valkey.masterOfKey(queueKey)
  const [seconds, micros] = (await master.command('TIME')) as [string, string]
  return Number(seconds) * 1_000 + Number(micros) / 1_000
}
