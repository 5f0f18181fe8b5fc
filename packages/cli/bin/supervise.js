import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { ignoresHangUp, watchNpm } from './npm-launcher.js'

const windows = process.platform === 'win32'

/** A signal that comes again this soon is the same one: a terminal sends it to npm and to us, and npm passes it on. */
const sameSignalMs = 300

/**
 * Runs a program in this process's place: its input and output are ours, signals reach it exactly once.
 *
 * It gets a process group of its own, so that a terminal's Ctrl-C comes through us alone. Its end of the channel closes
 * when we are killed outright, and it should exit then. When a terminal closes, or npm, which started us, is gone, it gets
 * SIGTERM; under nohup it goes on.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string }} [options]
 * @returns {Promise<number>} exit code; 128 + the signal's number where a signal ended it
 */
export function supervise(program, args, options = {}) {
  const child = spawn(program, args, {
    ...options,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    detached: !windows,
  })

  const isDetached = ignoresHangUp()
  const unwatch = watchNpm(() => child.kill('SIGTERM'))
  /** @type {Map<NodeJS.Signals, number>} */
  const forwardedMs = new Map()
  /** @param {NodeJS.Signals} signal */
  const forward = (signal) => {
    if (signal === 'SIGHUP') {
      if (!isDetached) child.kill('SIGTERM')
      return
    }
    const nowMs = performance.now()
    if (nowMs - (forwardedMs.get(signal) ?? -Infinity) < sameSignalMs) return
    forwardedMs.set(signal, nowMs)
    child.kill(signal)
  }
  const suspend = () => {
    child.kill('SIGSTOP')
    process.kill(process.pid, 'SIGSTOP')
  }
  const resume = () => void child.kill('SIGCONT')
  /** @type {NodeJS.Signals[]} */
  const forwarded = windows ? ['SIGINT', 'SIGTERM'] : ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGWINCH']
  for (const signal of forwarded) process.on(signal, forward)
  if (!windows) process.on('SIGTSTP', suspend).on('SIGCONT', resume)

  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      unwatch()
      for (const name of forwarded) process.off(name, forward)
      process.off('SIGTSTP', suspend).off('SIGCONT', resume)
      resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL'])
    })
  })
}
