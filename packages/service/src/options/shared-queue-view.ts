/** What a server shows of one queue that it shares with other processes; `ClusterNode.queues` has it. */
export interface SharedQueueView {
  readonly tenant: string
  readonly model: string
  /** When it was looked at last, by `performance.now()`: while the store is away nothing newer is known. */
  readonly seenMs: number
  readonly waiting: number
  /** Users that a worker has taken and not refreshed yet. */
  readonly taken: number
  readonly dead: number
  /** Since the queue was made, over all processes. */
  readonly sums: { readonly shed: number }
  /** Dead letters since the queue was made, by reason. */
  readonly buried: Readonly<Record<string, number>>
}
