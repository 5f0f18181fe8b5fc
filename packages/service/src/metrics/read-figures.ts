import type { ServedBatch } from '@headwater/pooling'
import type { BucketCounts } from '../figures/histograms.ts'
import type { Reservoir } from '../figures/reservoir.ts'

/** What is counted of one tenant's reads, and whom they were of. On the hot path numbers are added up. */
export class ReadFigures {
  /** Seconds. */
  readonly durations: BucketCounts
  /** Of the rows served, seconds, by model. */
  readonly ages: ReadonlyMap<string, BucketCounts>
  /** A sample of the users that were served. */
  readonly users: Reservoir

  constructor(durations: BucketCounts, ages: ReadonlyMap<string, BucketCounts>, users: Reservoir) {
    this.durations = durations
    this.ages = ages
    this.users = users
  }

  ended(ms: number, { users, models }: ServedBatch): void {
    this.durations.add(ms / 1000)
    for (const { model, ageMs } of models) this.ages.get(model)?.addAll(ageMs, 1e-3)
    this.users.served(users)
  }
}
