import type { WireError } from '@headwater/client/wire'
import type { ServedBatch } from '@headwater/pooling'
import type { Principal } from '../access/tokens.ts'

/** What is known of one request. */
export class RequestContext {
  readonly route: string
  /** When it was looked at first, by `performance.now()`, as the times below. */
  readonly arrivedMs: number
  /** How long it may have waited for that at most. */
  readonly waitedMs: number
  /** By then it was there. */
  readonly turnMs: number
  endMs = 0
  /** Whether the caller gave it. */
  hasDeadline = false
  /** The server had begun to stop when it came. */
  isOfDrain = false
  principal: Principal | null = null
  error: WireError | null = null
  served: ServedBatch | null = null
  /** Called once all observers were. */
  onLeft: { left(): void } | null = null

  constructor(route: string, arrivedMs: number, waitedMs: number, turnMs: number) {
    this.route = route
    this.arrivedMs = arrivedMs
    this.waitedMs = waitedMs
    this.turnMs = turnMs
  }
}
