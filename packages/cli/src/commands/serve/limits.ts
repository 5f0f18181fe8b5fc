/** Options of `headwater serve` that bound what callers may take of it. */
import type { ServerLimits } from '@headwater/service'
import { durationMs } from '../../arguments/duration.ts'
import { wholeNumber } from '../../arguments/numbers.ts'
import type { OptionsOf } from '../../arguments/options-of.ts'
import type { poolingOptions } from '../../arguments/pooling-options.ts'

const most = 2 ** 31 - 1

/** Adds them to what `serve` has already. Of a command with any options, the type would be written out at great length. */
export function limitOptions(command: ReturnType<typeof poolingOptions>) {
  return command
    .option('--requests-per-second <n>', 'of one token; 0: no limit', wholeNumber(0, most))
    .option('--burst <n>', "requests at once after a pause; 0: a second's worth", wholeNumber(0, most))
    .option('--target-delay <ms>', 'where all wait for longer, what is too much is refused', wholeNumber(1, most))
    .option('--max-concurrent <n>', 'requests that are worked on at once', wholeNumber(1, most))
    .option('--max-concurrent-per-tenant <n>', 'of one tenant; 0: three quarters', wholeNumber(0, most))
    .option('--max-connections <n>', 'open connections; idle ones are closed for others', wholeNumber(1, most))
    .option('--max-connections-per-address <n>', 'from one address; 0: three quarters', wholeNumber(0, most))
    .option('--drain <duration>', 'how long it listens on at its end, for callers to leave', durationMs)
}

type LimitOptions = OptionsOf<typeof limitOptions>

/** Those that are given; others are the service's own. */
export function limitsIn({
  targetDelay: targetDelayMs,
  drain: drainMs,
  ...options
}: LimitOptions): Partial<ServerLimits> {
  const { requestsPerSecond, burst, maxConcurrent, maxConcurrentPerTenant } = options
  const { maxConnections, maxConnectionsPerAddress } = options
  const limits = { requestsPerSecond, burst, targetDelayMs, maxConcurrent, maxConcurrentPerTenant }
  const all = { ...limits, maxConnections, maxConnectionsPerAddress, drainMs }
  return Object.fromEntries(Object.entries(all).filter(([, limit]) => limit !== undefined))
}
