// Taken now: fake timers of a test must not stop a device.
const { setImmediate, setTimeout, clearTimeout } = globalThis

/** Waits up to here are polled at every turn of the event loop: their ends are noticed at once. */
const promptMs = 4
/** Longer waits are polled again after this part of the time waited so far, up to `longestMs`. */
const partOfWait = 1 / 16
const longestMs = 8

let sinceMs = 0
let put: { readonly timer: ReturnType<typeof setTimeout>; readonly poll: () => void } | null = null

function schedule(poll: () => void): void {
  const pauseMs = (performance.now() - sinceMs) * partOfWait
  const again = () => {
    put = null
    patiently(poll)
  }
  put = null
  if (pauseMs < promptMs * partOfWait) setImmediate(again)
  else put = { timer: setTimeout(again, Math.min(pauseMs, longestMs)), poll }
}

/** Calls `run` with a `setImmediate` that leaves pauses between polls. */
function patiently<Result>(run: () => Result): Result {
  const usual = globalThis.setImmediate
  globalThis.setImmediate = schedule as typeof usual
  try {
    return run()
  } finally {
    globalThis.setImmediate = usual
  }
}

/**
 * Calls `begin`, which waits for the device by a promise, so that the wait takes little of the processor: Dawn in Node asks
 * the driver at every turn of the event loop, by the global `setImmediate`, and a software adapter computes and compiles on
 * the very processors that this would keep busy. Changes nothing where there is no `setImmediate`, as in browsers.
 */
export function beginWait<Result>(begin: () => Result): Result {
  if (!setImmediate) return begin()
  sinceMs = performance.now()
  if (put) {
    clearTimeout(put.timer)
    schedule(put.poll)
  }
  return patiently(begin)
}
