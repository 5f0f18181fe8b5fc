/** A service's figures, out of the text of `/metrics`. */

/** The routes that the load calls. */
const loadRoutes: ReadonlySet<string> = new Set(['/v1/embeddings/read', '/v1/events'])
/** By which prom-client measures the delay of an event loop: an idle one shows it too. */
const loopResolutionMs = 10

interface Sample {
  readonly labels: ReadonlyMap<string, string>
  readonly value: number
}

/** Prometheus' text: samples by their name. */
export class ServiceFigures {
  readonly #samples = new Map<string, Sample[]>()

  constructor(text: string) {
    for (const line of text.split('\n')) {
      const [, name, labels = '', value] = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line) ?? []
      if (name === undefined) continue
      const sample = { labels: labelsOf(labels), value: value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value) }
      const known = this.#samples.get(name)
      if (known === undefined) this.#samples.set(name, [sample])
      else known.push(sample)
    }
  }

  /** Sum over all labels that `keep` holds of; null where there is no such figure at all. */
  sum(name: string, keep: (labels: ReadonlyMap<string, string>) => boolean = () => true): number | null {
    const samples = this.#samples.get(name)
    if (samples === undefined) return null
    return samples.reduce((sum, { labels, value }) => (keep(labels) ? sum + value : sum), 0)
  }

  /** Sums by the values of one label. */
  by(name: string, label: string): Map<string, number> {
    const sums = new Map<string, number>()
    for (const { labels, value } of this.#samples.get(name) ?? []) {
      const key = labels.get(label) ?? ''
      sums.set(key, (sums.get(key) ?? 0) + value)
    }
    return sums
  }
}

function labelsOf(text: string): ReadonlyMap<string, string> {
  return new Map([...text.matchAll(/([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g)].map(([, name, value]) => [name, value]))
}

/** When the service's process was started, in seconds since 1970. */
export function startSeconds(text: string): number | null {
  return new ServiceFigures(text).sum('process_start_time_seconds')
}

/** What happened between two looks at a service. Null where it does not say. @param wallMs between them */
export function serviceEvidence(before: ServiceFigures, after: ServiceFigures, wallMs: number) {
  const change = (name: string, keep?: (labels: ReadonlyMap<string, string>) => boolean) => {
    const [from, to] = [before.sum(name, keep), after.sum(name, keep)]
    // A figure without a label appears with its first value.
    return to === null ? null : to - (from ?? 0)
  }
  const meanMs = (name: string, keep?: (labels: ReadonlyMap<string, string>) => boolean) => {
    const [sum, count] = [change(`${name}_sum`, keep), change(`${name}_count`, keep)]
    return sum === null || count === null || count === 0 ? null : (1_000 * sum) / count
  }
  const ofLoad = (labels: ReadonlyMap<string, string>) => loadRoutes.has(labels.get('route') ?? '')
  const cpuSeconds = change('process_cpu_seconds_total')
  const loopP99 = after.sum('nodejs_eventloop_lag_p99_seconds')
  const queueUsers = waitingIn(after)
  const shed = change('headwater_offers_shed_total')
  const sharedShed = change('headwater_shared_queue_entries_total', (labels) => labels.get('outcome') === 'shed')
  const encodeSeconds = change('headwater_refresh_encode_duration_seconds_sum')
  const [rows, defaults] = [
    change('headwater_rows_served_total'),
    change('headwater_rows_served_total', (labels) => labels.get('status') === 'default'),
  ]
  const grown = (name: string, label: string): { readonly [value: string]: number } => {
    const from = before.by(name, label)
    const changes = [...after.by(name, label)].map(([value, count]) => [value, count - (from.get(value) ?? 0)] as const)
    return Object.fromEntries(changes.filter(([, count]) => count > 0))
  }
  return {
    /** Processors that its process was busy with, threads and all, encoder aside. */
    cpu: cpuSeconds === null ? null : (1_000 * cpuSeconds) / wallMs,
    /** Delay of its event loop beyond the 10 ms that it is measured by, since the look before. */
    loopDelayP99Ms: loopP99 === null || Number.isNaN(loopP99) ? null : Math.max(0, 1_000 * loopP99 - loopResolutionMs),
    /** Of the routes of the load, from the arrival to the end of the answer. */
    requestMeanMs: meanMs('headwater_request_duration_seconds', ofLoad),
    /** Store and pooling, without HTTP. */
    readMeanMs: meanMs('headwater_read_duration_seconds'),
    /** At most so much, by the histogram's bounds; infinite beyond the last. */
    readP99Ms: percentileMs(before, after, 'headwater_read_duration_seconds', 0.99),
    /** Users who wait for a refresh, at the step's end and how many more than at its start. */
    queueUsers,
    queueGrowth: queueUsers === null ? null : queueUsers - (waitingIn(before) ?? 0),
    offersShed: shed === null && sharedShed === null ? null : (shed ?? 0) + (sharedShed ?? 0),
    /** Share of the time in which a batch was in the encoder; several at once count each. */
    encodeBusy: encodeSeconds === null ? null : (1_000 * encodeSeconds) / wallMs,
    /** Share of the rows served that were a default, as nothing is held of the user. */
    defaultShare: rows === null || rows === 0 ? null : defaults! / rows,
    /** Refusals and failures, by code. */
    failures: grown('headwater_requests_failed_total', 'code'),
    /** Requests that it did not begin, by reason. */
    requestsShed: grown('headwater_requests_shed_total', 'reason'),
  }
}

/** Users that wait for a refresh in the process, and in the queues that it shares with others. */
function waitingIn(figures: ServiceFigures): number | null {
  const [own, shared] = ['headwater_refresh_queue_users', 'headwater_shared_queue_waiting'].map((name) =>
    figures.sum(name),
  )
  return own === null && shared === null ? null : (own ?? 0) + (shared ?? 0)
}

/** The upper bound of the bucket that the share falls into. */
function percentileMs(before: ServiceFigures, after: ServiceFigures, name: string, share: number): number | null {
  const from = before.by(`${name}_bucket`, 'le')
  const buckets = [...after.by(`${name}_bucket`, 'le')]
    .map(([le, count]) => ({
      le: le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le),
      count: count - (from.get(le) ?? 0),
    }))
    .sort((a, b) => a.le - b.le)
  const total = buckets.at(-1)?.count ?? 0
  if (total === 0) return null
  return 1_000 * buckets.find(({ count }) => count >= share * total)!.le
}
