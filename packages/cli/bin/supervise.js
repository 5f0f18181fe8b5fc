import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import { withoutDriverLines } from './driver-lines.js'
import { ignoresHangUp, watchNpm } from './npm-launcher.js'
import { writeWhole } from './write-whole.js'

const windows = process.platform === 'win32'

/** A program's own processes may outlive it: what they print then is waited for no longer. */
const lastWordsMs = 300

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
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, ownStderr?: boolean }} [options] `ownStderr`: the program loads own-stderr.js,
 * and a driver's lines are left out of what it and its processes print otherwise
 * @returns {Promise<number>} exit code; 128 + the signal's number where a signal ended it
 */
export function supervise(program, args, { ownStderr = false, env = process.env, ...options } = {}) {
  const child = spawn(program, args, {
    ...options,
    env: ownStderr ? { ...env, HEADWATER_STDERR: '4' } : env,
    stdio: ownStderr ? ['inherit', 'inherit', 'pipe', 'ipc', 2] : ['inherit', 'inherit', 'inherit', 'ipc'],
    detached: !windows,
  })
  const lastWords = child.stderr === null ? null : passOn(child.stderr)

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
    child.once('exit', async (code, signal) => {
      unwatch()
      await lastWords?.()
      for (const name of forwarded) process.off(name, forward)
      process.off('SIGTSTP', suspend).off('SIGCONT', resume)
      resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL'])
    })
  })
}

/**
 * Writes what comes from a program to our error output, without a driver's lines.
 * @param {import('node:stream').Readable} stream
 * @returns {() => Promise<void>} waits until all is written
 */
function passOn(stream) {
  const lines = withoutDriverLines((bytes) => {
    try {
      writeWhole(2, bytes)
    } catch {
      // Nobody reads it any more.
    }
  })
  stream.on('data', (bytes) => lines.take(bytes))
  const ended = once(stream, 'close')
  return async () => {
    await Promise.race([ended, wait(lastWordsMs, undefined, { ref: false })])
    stream.destroy()
    lines.end()
  }
}
