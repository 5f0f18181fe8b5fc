/**
 * For a service that has a core of its own and no more: what V8 does on threads beside the one that answers gives way to it.
 *
 * On one core V8's compilers and collectors take turns with the answering thread, slices of milliseconds each, and a
 * collection of all objects, with four of them, leaves it a fifth of the core for as long as it marks. Here they run under
 * `SCHED_IDLE`, by `chrt`: only while nothing is answered, and giving way at once. The answering thread then marks itself, in
 * steps of half a millisecond, so that collections of all objects are made rare: the heap grows to twice what lives.
 *
 * Node has to load it before it starts threads of other kinds, as in
 * `node --max-semi-space-size=4 --require @headwater/pooling/one-core service.js`. Nothing else may want that core: what waits
 * for a collector would wait for it too. Without `chrt`, or not on Linux, the threads stay as they are.
 */
const { execFileSync } = require('node:child_process')
const { readdirSync } = require('node:fs')
const { setFlagsFromString } = require('node:v8')
const { isMainThread } = require('node:worker_threads')

// Workers load it too.
if (isMainThread) {
  setFlagsFromString('--heap-growing-percent=100')
  try {
    for (const thread of readdirSync('/proc/self/task')) {
      if (thread !== String(process.pid)) execFileSync('chrt', ['--idle', '--pid', '0', thread], { stdio: 'ignore' })
    }
  } catch {
    // Then they have their share like every other thread.
  }
}
