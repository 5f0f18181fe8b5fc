/** Processor time of a service's threads, where it runs on this machine and the system has `/proc`. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Busy shares of a service's threads, by name; where it runs on this machine. */
export type ThreadCpu = { readonly [thread: string]: number }

/**
 * Seconds of processor time by thread: `main`, where the event loop runs, others by their names, and child processes. Under
 * `main, waiting` stands how long `main` was ready to run while others had the processors.
 */
export type ThreadSeconds = ReadonlyMap<string, number>

/** `sysconf(_SC_CLK_TCK)`, a hundred on every Linux that Node runs on. */
const ticksASecond = 100

/** A process' start by its own word and by the system's may differ by this, as both are rounded. */
const startToleranceSeconds = 2

/**
 * The process that listens on a port of this machine, or null where there is none that can be seen.
 *
 * @param startedSeconds since 1970, by the service's own word: what was started at another time is a proxy, or a tunnel
 */
export function listeningOn(port: number, startedSeconds: number): number | null {
  return seen(null, () => {
    const inodes = new Set(['tcp', 'tcp6'].flatMap((table) => listenersOf(table, port)))
    const pid = inodes.size === 0 ? undefined : numbered('/proc').find((each) => holds(each, inodes))
    return pid !== undefined && Math.abs(startOf(pid) - startedSeconds) <= startToleranceSeconds ? pid : null
  })
}

/** Of a process, and of those that it has started, the encoder among them. Empty once it has ended. */
export function readThreads(pid: number): ThreadSeconds {
  const seconds = new Map<string, number>()
  const add = (name: string, more: number) => seconds.set(name, (seconds.get(name) ?? 0) + more)
  return seen(seconds, () => {
    for (const thread of numbered(`/proc/${pid}/task`)) {
      const { name, cpuSeconds } = statOf(`/proc/${pid}/task/${thread}/stat`)
      add(thread === pid ? 'main' : name, cpuSeconds)
    }
    add('main, waiting', waitedSeconds(pid))
    for (const child of childrenOf(pid)) add('child processes', statOf(`/proc/${child}/stat`).cpuSeconds)
    return seconds
  })
}

/** Busy shares between two looks; those below a hundredth are left out. */
export function threadCpu(before: ThreadSeconds, after: ThreadSeconds, wallMs: number): ThreadCpu {
  const shares = [...after].map(([name, seconds]): [string, number] => [
    name,
    (1_000 * (seconds - (before.get(name) ?? 0))) / wallMs,
  ])
  return Object.fromEntries(shares.filter(([, share]) => share >= 0.01).sort(([, a], [, b]) => b - a))
}

/** Inodes of the sockets that listen. Columns: slot, local address, remote address, state (0A listens), …, inode. */
function listenersOf(table: string, port: number): string[] {
  const ofPort = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return readFileSync(`/proc/net/${table}`, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(ofPort) && state === '0A')
    .map((columns) => `socket:[${columns[9]}]`)
}

/** Seconds since 1970. */
function startOf(pid: number): number {
  const bootSeconds = Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1'))![1])
  return bootSeconds + statOf(`/proc/${pid}/stat`).startSeconds
}

function holds(pid: number, inodes: ReadonlySet<string>): boolean {
  const folder = `/proc/${pid}/fd`
  return seen([], () => readdirSync(folder)).some((fd) => inodes.has(seen('', () => readlinkSync(`${folder}/${fd}`))))
}

function childrenOf(pid: number): number[] {
  const parents = numbered('/proc').map((each) => [each, seen(0, () => statOf(`/proc/${each}/stat`).parent)])
  const below = (parent: number): number[] =>
    parents.filter(([, of]) => of === parent).flatMap(([child]) => [child, ...below(child)])
  return below(pid)
}

/** `pid (name) state parent … utime stime … starttime …`; a name may hold spaces and brackets. */
function statOf(path: string) {
  const text = readFileSync(path, 'latin1')
  const end = text.lastIndexOf(')')
  const fields = text.slice(end + 2).split(' ')
  return {
    name: text.slice(text.indexOf('(') + 1, end),
    parent: Number(fields[1]),
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksASecond,
    /** Since the system's start. */
    startSeconds: Number(fields[19]) / ticksASecond,
  }
}

/** `ran waited slices`, in nanoseconds; 0 where the kernel does not count. */
function waitedSeconds(pid: number): number {
  return seen(0, () => Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'latin1').split(' ')[1]) / 1e9)
}

function numbered(folder: string): number[] {
  return readdirSync(folder)
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}

/** What is read, or else `other`: threads and processes end meanwhile, and some are somebody else's. */
function seen<T>(other: T, read: () => T): T {
  try {
    return read()
  } catch {
    return other
  }
}
