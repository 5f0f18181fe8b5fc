import type { WireError } from '@headwater/client/wire'
import type { EncoderStatus } from '@headwater/pooling'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { isStoreFailure } from '../failures/failure.ts'
import { Figures } from '../figures/figures.ts'
import { type BucketCounts, Histograms } from '../figures/histograms.ts'
import { Reservoir } from '../figures/reservoir.ts'
import type { ServerOptions } from '../options/server-options.ts'
import type { OutcomeScores } from '../outcomes/outcome-scores.ts'
import { addModelFigures } from './model-figures.ts'
import { addPoolingFigures } from './pooling-figures.ts'
import { ReadFigures } from './read-figures.ts'

/** What a server's figures are of. */
type MetricsSource = Pick<ServerOptions, 'tenants' | 'models' | 'encoder' | 'refreshes' | 'alsoMetrics'>

const readBounds = [1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.5, 1]
const requestBounds = [5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1, 2, 5, 10]
/** A second to 30 days. */
const ageBounds = [1, 5, 15, 60, 300, 900, 3_600, 21_600, 86_400, 259_200, 604_800, 2_592_000]
/** Users of a tenant that the console's panel follows. */
const panelUsers = 256

/**
 * A server's figures. Those of poolings are their sums over the tenants. On the hot path numbers
 * are added up; names and labels come to them at the scrape.
 */
export class Metrics {
  readonly figures = new Figures()
  readonly #process = new Registry()
  /** By tenant. */
  readonly #reads: ReadonlyMap<string, ReadFigures>
  readonly #requests: Histograms
  /** By route, then status. */
  readonly #requestsOf = new Map<string, Map<number, BucketCounts>>()
  readonly #failed = new Map<string, number>()
  #storeErrors = 0

  constructor({ tenants, models, encoder, refreshes, alsoMetrics }: MetricsSource) {
    collectDefaultMetrics({ register: this.#process })
    const reads = new Histograms(
      'headwater_read_duration_seconds',
      'Time of a pooled read, from the parsed request to the served batch.',
      readBounds,
    )
    this.#requests = new Histograms(
      'headwater_request_duration_seconds',
      'Time from the arrival of a request to the end of its answer.',
      requestBounds,
      ['route', 'status'],
    )
    const ages = new Histograms(
      'headwater_served_age_seconds',
      'Age of the rows served: time served minus time of their features. Defaults have none.',
      ageBounds,
      ['model'],
    )
    this.#reads = new Map(
      [...tenants.keys()].map((tenant, i) => {
        const ofModels = new Map(models.map(({ name }) => [name, ages.part(name)]))
        return [tenant, new ReadFigures(reads.part(), ofModels, new Reservoir(panelUsers, i + 1))]
      }),
    )
    for (const histograms of [reads, this.#requests, ages]) this.figures.add(histograms)
    this.figures.counters(
      'headwater_requests_failed_total',
      'Requests that were answered with an error, by its code.',
      ['code'],
      () => [...this.#failed].map(([code, count]) => [[code], count]),
    )
    this.figures.counters(
      'headwater_store_errors_total',
      'Failures of the store, by what met them.',
      ['during'],
      () => [
        [['request'], this.#storeErrors],
        [['refresh'], refreshes?.storeErrors ?? 0],
      ],
    )
    const served = [...tenants.values()]
    addPoolingFigures(this.figures, served)
    addModelFigures(this.figures, models, served[0].pooling)
    if (encoder !== undefined) {
      this.figures.gauges('headwater_encoder_state', '1 for the state that the encoder is in.', ['state'], () =>
        encoderStates.map((state) => [[state], Number(state === encoder().state)]),
      )
      const restarts = () => encoder().restarts
      this.figures.counter('headwater_encoder_restarts_total', 'Times that the encoder was started again.', restarts)
    }
    refreshes?.register(this.figures)
    alsoMetrics?.(this.figures)
  }

  readonly contentType: string = Registry.PROMETHEUS_CONTENT_TYPE

  async text(): Promise<string> {
    return `${this.figures.text()}\n${await this.#process.metrics()}`
  }

  /** Where a tenant's reads are counted. */
  readsOf(tenant: string): ReadFigures {
    return this.#reads.get(tenant)!
  }

  /** A request was answered. @param route its pattern, not its path */
  requestEnded(route: string, status: number, ms: number): void {
    this.#countsOf(route, status).add(ms / 1000)
  }

  requestFailed({ code, cause }: WireError): void {
    this.#failed.set(code, (this.#failed.get(code) ?? 0) + 1)
    if (isStoreFailure(cause)) this.#storeErrors++
  }

  /** Work of a request failed behind the request's deadline. */
  readonly failedLate = (error: unknown): void => {
    if (isStoreFailure(error)) this.#storeErrors++
  }

  /** Shows how downstream models fare. @param scores by tenant */
  showOutcomes(scores: ReadonlyMap<string, OutcomeScores>): void {
    const labels = ['tenant', 'downstream']
    const all = () => [...scores].flatMap(([tenant, { all }]) => all.map((score) => ({ tenant, ...score })))
    this.figures.gauges(
      'headwater_downstream_normalized_entropy',
      "Progressive normalized entropy of a downstream model's last outcomes; below 1 is better than the base rate.",
      labels,
      () =>
        all().flatMap(({ tenant, downstream, normalizedEntropy }) =>
          normalizedEntropy === null ? [] : [[[tenant, downstream], normalizedEntropy] as const],
        ),
    )
    this.figures.counters('headwater_outcomes_total', 'Outcomes that were scored.', labels, () =>
      all().map(({ tenant, downstream, rows }) => [[tenant, downstream], rows]),
    )
  }

  #countsOf(route: string, status: number): BucketCounts {
    let ofRoute = this.#requestsOf.get(route)
    if (ofRoute === undefined) {
      ofRoute = new Map()
      this.#requestsOf.set(route, ofRoute)
    }
    let counts = ofRoute.get(status)
    if (counts === undefined) {
      counts = this.#requests.of(route, String(status))
      ofRoute.set(status, counts)
    }
    return counts
  }
}

const encoderStates: readonly EncoderStatus['state'][] = ['starting', 'ready', 'restarting', 'stopped']
