const lineEveryMs = 5000

/** @returns whether it is time for the next line where no terminal is: five seconds after the last, or after the start */
export function linePace(): () => boolean {
  let lastMs = performance.now()
  return () => {
    const nowMs = performance.now()
    if (nowMs - lastMs < lineEveryMs) return false
    lastMs = nowMs
    return true
  }
}
