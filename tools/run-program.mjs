import { execFile } from 'node:child_process'

/**
 * @typedef {object} Outcome
 * @property {number} code exit code; −1 where the program could not be started or a signal ended it
 * @property {string} stdout
 * @property {string} stderr
 */

/**
 * Runs a program to its end and keeps what it printed.
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

/**
 * The end of what a failed program said, for an error message.
 * @param {Outcome} outcome
 */
export function lastWords({ stdout, stderr }) {
  return (stderr.trim() || stdout.trim()).split('\n').slice(-4).join('\n')
}
