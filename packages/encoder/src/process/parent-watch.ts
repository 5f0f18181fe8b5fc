import { Worker } from 'node:worker_threads'

/** The thread's whole program: text, so that it starts at once and loads nothing that the process was started with. */
const program = `
const { Socket } = require('node:net')
const { workerData: fd } = require('node:worker_threads')
new Socket({ fd, readable: true }).on('close', () => process.kill(process.pid, 'SIGKILL')).on('error', () => {}).resume()
`

/**
 * Kills this process once the other end of a descriptor is closed, as it is when the process that holds it ends, however that
 * came about: from a thread of its own, since what this process computes may never let it look itself.
 */
export function endWithParent(fd: number): void {
  new Worker(program, { eval: true, workerData: fd, execArgv: [], stdin: false }).unref()
}
