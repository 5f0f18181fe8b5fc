import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { getPriority, setPriority } from 'node:os'
import { fileURLToPath } from 'node:url'

export interface ModuleProcessOptions {
  /** Niceness of the process, 0 … 19, but no less than of the one that starts it. Default 10. */
  readonly priority: number
  /** Program and arguments that start it, as in `['taskset', '-c', '1']`. Default: none. */
  readonly prefix: readonly string[]
  /** Variables beside this process's own, as in `{ LP_NUM_THREADS: '1' }`. Default: none. */
  readonly environment: Readonly<Record<string, string>>
}

export interface ModuleProcess {
  readonly child: ChildProcess
  /** The other end is the child's descriptor 3. It closes with either process. */
  readonly socket: Socket
}

export const socketFd = 3
/** Of a child: nothing comes from it but its end, with this process. */
export const lifelineFd = 4

/** The module collects its garbage itself, by the clock; what V8 sets aside for new objects stays small beside what lives. */
const heapOptions = ['--expose-gc', '--max-semi-space-size=2']

/**
 * Starts `encoder-main` as a process: from the built package as it is, and in a checkout, where modules are TypeScript, with
 * the loader that the checkout runs under.
 *
 * @param backend module that it computes with
 */
export function startModule(backend: URL, { priority, prefix, environment }: ModuleProcessOptions): ModuleProcess {
  const isSource = import.meta.url.endsWith('.ts')
  const main = fileURLToPath(new URL(isSource ? './encoder-main.ts' : './encoder-main.js', import.meta.url))
  const loader = isSource ? ['--conditions=@headwater/source', '--import', import.meta.resolve('tsx')] : []
  const [program, ...rest] = [...prefix, process.execPath, ...heapOptions, ...loader, main, backend.href]
  // What it prints, say a driver's warning, belongs to the messages and not to what a command gives out.
  const stdio = ['ignore', 2, 2, 'pipe', 'pipe'] as const
  const child = spawn(program, rest, { stdio: [...stdio], env: { ...process.env, ...environment } })
  // Before it has threads: they take theirs from the one that makes them.
  if (child.pid !== undefined) setPriority(child.pid, Math.max(priority, getPriority()))
  ;(child.stdio as readonly unknown[] as readonly Socket[])[lifelineFd]?.on('error', () => {}).unref()
  return { child, socket: child.stdio[socketFd] as Socket }
}
