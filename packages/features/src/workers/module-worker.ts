import { Worker, type WorkerOptions } from 'node:worker_threads'

/**
 * Starts a module of ours as a worker thread: from the built package as it is, and in a checkout, where modules are
 * TypeScript, with the loader that the checkout runs under. A thread does not inherit that from `--import`.
 *
 * @param path without extension, from the module that asks, as in `./row-worker`
 * @param from that module's `import.meta.url`
 */
export function moduleWorker(path: string, from: string, options: WorkerOptions = {}): Worker {
  if (!from.endsWith('.ts')) return new Worker(new URL(`${path}.js`, from), options)
  const register = `import { register } from ${JSON.stringify(import.meta.resolve('tsx/esm/api'))}; register()`
  return new Worker(new URL(`${path}.ts`, from), {
    ...options,
    execArgv: ['--conditions=@headwater/source', '--import', `data:text/javascript,${encodeURIComponent(register)}`],
  })
}
