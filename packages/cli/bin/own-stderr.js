// Loaded before the command where the launcher started it: process.stderr is the launcher's own, a terminal where that is one.
// What goes to file descriptor 2 without Node's knowing comes by the launcher, which leaves a driver's lines out.
import { Writable } from 'node:stream'
import { isatty, WriteStream } from 'node:tty'
import { isMainThread } from 'node:worker_threads'
import { writeWhole } from './write-whole.js'

const named = process.env.HEADWATER_STDERR
// Processes that this one starts have descriptors of their own.
delete process.env.HEADWATER_STDERR
if (named !== undefined && isMainThread) {
  const stderr = isatty(Number(named)) ? terminal(Number(named)) : written(Number(named))
  Object.defineProperty(process, 'stderr', { configurable: true, enumerable: true, get: () => stderr })
}

/** @param {number} fd */
function terminal(fd) {
  const stream = new WriteStream(fd)
  // As Node has it for the streams that it makes.
  process.on('SIGWINCH', () => /** @type {{ _refreshSize?(): void }} */ (stream)._refreshSize?.())
  return stream
}

/** @param {number} fd of a file or a pipe, which the stream names as Node's own do: a logger writes there by itself */
function written(fd) {
  const stream = new Writable({
    decodeStrings: true,
    write(bytes, _, done) {
      try {
        writeWhole(fd, bytes)
        done()
      } catch (error) {
        done(/** @type {Error} */ (error))
      }
    },
  })
  return Object.assign(stream, { fd })
}
