/**
 * For a service that has one core: what V8 does on threads beside the one that answers gives way to it.
 *
 * On one core V8's compilers and collectors take turns with the answering thread, slices of milliseconds each, and a
 * collection of all objects, with four of them, leaves it a fifth of the core for as long as it marks. Here they are nicer,
 * so that it keeps most of the core however many they are, and its own slice is short (by `chrt`), for which Linux from 6.12
 * on lets it run the moment that it wakes. They still get their share where it never sleeps: code is compiled under any load.
 * The answering thread then marks much itself, so that collections of all objects are made rare: the heap grows to twice
 * what lives. The nursery it collects alone, and the buffers that died with it, one or more a request, it frees itself: with a
 * helper it would wait for one that has to wait for the core.
 *
 * Node has to load it before it starts threads of other kinds, as in
 * `node --max-semi-space-size=4 --require @headwater/service/one-core service.js`. What the system does not offer is left out.
 */
const { execFileSync } = require('node:child_process')
const { readdirSync } = require('node:fs')
const { setPriority } = require('node:os')
const { setFlagsFromString } = require('node:v8')
const { isMainThread } = require('node:worker_threads')

const niceness = 10
/** The least that Linux takes. */
const sliceNs = 100_000

// Workers load it too.
if (isMainThread) {
  setFlagsFromString('--heap-growing-percent=100')
  setFlagsFromString('--no-parallel-scavenge')
  setFlagsFromString('--no-concurrent-array-buffer-sweeping')
  attempt(() => {
    for (const thread of readdirSync('/proc/self/task').map(Number)) {
      if (thread !== process.pid) setPriority(thread, niceness)
    }
  })
  attempt(() => {
    const slice = ['--other', '--sched-runtime', String(sliceNs), '--pid', '0', String(process.pid)]
    execFileSync('chrt', slice, { stdio: 'ignore' })
  })
}

/** @param {() => void} change */
function attempt(change) {
  try {
    change()
  } catch {
    // Then threads take turns as they did.
  }
}
