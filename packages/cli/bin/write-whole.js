import { writeSync } from 'node:fs'

/** How long until an output is tried again that took nothing more. */
const pauseMs = 1

/**
 * Writes to an output of this process before it returns, as a process that ends says everything first. Waits where another
 * process has made the output one that does not wait by itself.
 * @param {number} fd
 * @param {Uint8Array} bytes
 * @throws {Error} the system's, such as EPIPE
 */
export function writeWhole(fd, bytes) {
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(fd, bytes, done)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs)
    }
  }
}
