import { spawn } from 'node:child_process'

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
    const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text
    })
    child.once('error', (error) => resolve({ code: -1, stdout, stderr: error.message }))
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }))
  })
}

/**
 * The end of what a failed program said, for an error message.
 * @param {Outcome} outcome
 */
export function lastWords({ stdout, stderr }) {
  return (stderr.trim() || stdout.trim()).split('\n').slice(-4).join('\n')
}
