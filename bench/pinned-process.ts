/** Processes of a bench, each on a processor of its own, so that none takes another's time. */
import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** Whether `taskset` is there to pin processes with. */
export const canPin: boolean = (() => {
  try {
    execFileSync('taskset', ['-c', '0', process.execPath, '--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

/** What a report says of where its processes ran. */
export const pinning = canPin
  ? 'servers on processor 0, load on processor 1'
  : 'nothing pinned, as there is no taskset: the ratios hold, the rates are lower'

/** Options of node for a service that has one core, as `headwater serve` gives them (docs/serve.md). */
export const oneCoreOptions: readonly string[] = [
  '--max-semi-space-size=4',
  ...['--require', createRequire(import.meta.url).resolve('@headwater/service/one-core')],
]

export interface PinnedProcess {
  /** Asks, and waits for the answer. The process answers in the order in which it is asked. */
  ask<Answer>(question: unknown): Promise<Answer>
  close(): Promise<void>
}

const running = new Set<ChildProcess>()
// Interrupted, this process takes the directories away that the others write to.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/**
 * Starts a module of this folder on one processor. It answers each message with one message.
 *
 * @param settings its only argument, as JSON
 * @param nodeOptions such as `--cpu-prof`
 */
export function forkPinned(
  module: string,
  processor: number,
  settings: unknown = {},
  nodeOptions: readonly string[] = [],
): PinnedProcess {
  const nodeArguments = ['--conditions=@headwater/source', '--import', 'tsx', ...nodeOptions]
  const child = fork(join(import.meta.dirname, module), [JSON.stringify(settings)], {
    // Typed arrays travel as they are.
    serialization: 'advanced',
    ...(canPin
      ? { execPath: 'taskset', execArgv: ['-c', String(processor), process.execPath, ...nodeArguments] }
      : { execArgv: nodeArguments }),
  })
  running.add(child)
  child.once('exit', () => running.delete(child))
  return { ask: (question) => ask(child, module, question), close: () => close(child) }
}

function ask<Answer>(child: ChildProcess, module: string, question: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`${module} ended with ${code}; its stderr says why`))
    child.once('exit', onExit)
    child.once('message', (answer) => {
      child.off('exit', onExit)
      resolve(answer as Answer)
    })
    child.send(question as object, (error) => error && reject(error))
  })
}

function close(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || !child.connected) {
      resolve()
      return
    }
    child.once('exit', () => resolve())
    child.disconnect()
  })
}

/** In such a process: answers each question. The process ends when its parent has left. */
export function answer(
  respond: (question: never) => Promise<unknown> | unknown,
  onEnd: () => Promise<void> | void = () => {},
) {
  process.on('message', async (question) => {
    try {
      process.send!((await respond(question as never)) ?? {})
    } catch (error) {
      console.error(error)
      process.exit(1)
    }
  })
  process.once('disconnect', async () => {
    await onEnd()
    process.exit(0)
  })
}
