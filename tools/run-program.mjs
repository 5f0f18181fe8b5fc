import { execFile } from 'node:child_process'

/** @typedef {{ code: number, stdout: string, stderr: string }} Outcome */

/**
 * Runs a program to its end and keeps what it printed. Its code is −1 where it could not be started or a signal ended it.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string }} [options]
 * @returns {Promise<Outcome>}
 */
export function runProgram(program, args, options = {}) {
  return new Promise((resolve) => {
    const all = { ...options, maxBuffer: Number.POSITIVE_INFINITY }
    const child = execFile(program, args, all, (error, stdout, stderr) => {
      const code = typeof error?.code === 'number' ? error.code : error ? -1 : 0
      resolve({ code, stdout, stderr: stderr || (code === -1 ? (error?.message ?? '') : '') })
    })
    child.stdin?.end()
  })
}

/** The end of what a failed program said, for an error message. @param {Outcome} outcome */
export function lastWords({ stdout, stderr }) {
  return (stderr.trim() || stdout.trim()).split('\n').slice(-4).join('\n')
}
