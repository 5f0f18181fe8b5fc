/** Processors that each part of a cluster was busy with, by the counts of the system and of Valkey; Linux alone tells. */
import { readdirSync, readFileSync } from 'node:fs'
import type { BenchCluster } from './cluster-processes.ts'

export interface BusyProcessors {
  readonly readers: number
  /** Their encoders among them. */
  readonly workers: number
  /** Replicas among them. */
  readonly valkey: number
  /** This process. */
  readonly load: number
}

interface Sums extends BusyProcessors {
  readonly atMs: number
}

/** `sysconf(_SC_CLK_TCK)`, a hundred on every Linux that Node runs on. */
const ticksASecond = 100

/** @returns what tells of the time since, or null where the system does not tell */
export async function watchProcessors(cluster: BenchCluster): Promise<() => Promise<BusyProcessors | null>> {
  const before = await sums(cluster)
  return async () => {
    const after = await sums(cluster)
    if (before === null || after === null) return null
    const share = (of: keyof BusyProcessors) =>
      Math.max(0, (1_000 * (after[of] - before[of])) / (after.atMs - before.atMs))
    return { readers: share('readers'), workers: share('workers'), valkey: share('valkey'), load: share('load') }
  }
}

export const processorsText = (busy: BusyProcessors | null) =>
  busy === null
    ? 'processors not told'
    : `processors: readers ${busy.readers.toFixed(2)}, workers ${busy.workers.toFixed(2)}, Valkey ${busy.valkey.toFixed(2)}, load ${busy.load.toFixed(2)}`

/** Seconds of processor time so far. */
async function sums({ readerProcesses, workers, valkey }: BenchCluster): Promise<Sums | null> {
  if (process.platform !== 'linux') return null
  const families = processorSeconds()
  const of = (processes: readonly ({ readonly child: { readonly pid?: number | undefined } } | null)[]) =>
    processes.reduce((sum, each) => sum + families(each?.child.pid), 0)
  const { user, system } = process.cpuUsage()
  let ofValkey = 0
  for (const node of valkey.nodes)
    for (const field of ['used_cpu_user', 'used_cpu_sys']) ofValkey += Number(await node.info('cpu', field))
  return {
    atMs: performance.now(),
    readers: of(readerProcesses),
    workers: of(workers),
    valkey: ofValkey,
    load: (user + system) / 1e6,
  }
}

/** Of a process and all that it has started. */
function processorSeconds(): (pid: number | undefined) => number {
  const held = new Map<number, { readonly parent: number; readonly seconds: number }>()
  for (const name of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    try {
      // `pid (name) state parent … utime stime …`; a name may hold spaces and brackets.
      const text = readFileSync(`/proc/${name}/stat`, 'latin1')
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
      const seconds = (Number(fields[11]) + Number(fields[12])) / ticksASecond
      held.set(Number(name), { parent: Number(fields[1]), seconds })
    } catch {
      // It has ended.
    }
  }
  const of = (pid: number): number =>
    (held.get(pid)?.seconds ?? 0) +
    [...held].reduce((sum, [child, { parent }]) => (parent === pid ? sum + of(child) : sum), 0)
  return (pid) => (pid === undefined ? 0 : of(pid))
}
