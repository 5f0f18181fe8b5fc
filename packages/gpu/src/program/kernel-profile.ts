/** Time and work of one kernel over the profiled runs. */
export interface KernelProfile {
  readonly kernel: string
  count: number
  timeMs: number
  flops: number
  bytes: number
}

/** Rates of one kernel: GFLOP/s and GB/s over the time spent in it. */
export interface KernelRates extends Readonly<KernelProfile> {
  readonly gflops: number
  readonly gbps: number
  /** Part of the time of all kernels. */
  readonly share: number
}

/** The kernels of a profile, slowest first. */
export function kernelRates(profile: ReadonlyMap<string, KernelProfile>): KernelRates[] {
  const entries = [...profile.values()]
  const totalMs = entries.reduce((sum, { timeMs }) => sum + timeMs, 0)
  return entries
    .map((entry) => ({
      ...entry,
      gflops: entry.flops / entry.timeMs / 1e6,
      gbps: entry.bytes / entry.timeMs / 1e6,
      share: entry.timeMs / totalMs,
    }))
    .sort((a, b) => b.timeMs - a.timeMs)
}
