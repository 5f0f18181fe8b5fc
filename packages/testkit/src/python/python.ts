import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Runs `python3`, or what HEADWATER_PYTHON names, with packages/python among its modules. */
export function runPython(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const PYTHONPATH = fileURLToPath(new URL('../../../python', import.meta.url))
  const all = { ...process.env, LC_ALL: 'C.UTF-8', PYTHONPATH, PYTHONDONTWRITEBYTECODE: '1', ...env }
  return spawnSync(process.env.HEADWATER_PYTHON ?? 'python3', args, { encoding: 'utf8', env: all })
}

/** Whether there is a `python3` with a library; where there is none, it is said that `what` is not applicable. */
export function hasPython(library: 'numpy' | 'torch', what: string): boolean {
  const isThere = runPython(['-c', `import ${library}`]).status === 0
  if (!isThere) console.log(`not applicable: ${what}, as there is no python3 with ${library}`)
  return isThere
}
