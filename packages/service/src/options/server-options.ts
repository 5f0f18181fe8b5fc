import type { ItemSource, ModelControl } from '@headwater/client/schemas'
import type { FeatureSpace } from '@headwater/features'
import type { EncoderStatus, OutcomeLog, Pooling } from '@headwater/pooling'
import type { EmbeddingStore } from '@headwater/store'
import type { Logger } from 'pino'
import type { Scope, Tokens } from '../access/tokens.ts'
import type { Figures } from '../figures/figures.ts'
import type { TlsOptions } from '../listener/listener.ts'
import type { RefreshMonitor } from '../observation/refresh-monitor.ts'
import type { RequestLogOptions } from '../observation/request-log.ts'
import type { ServerLimits } from '../requests/limits.ts'
import type { SharedQueueView } from './shared-queue-view.ts'

/** What is served to the tokens of one tenant. */
export interface ServedTenant {
  /** The tenant's own, as `forTenant` gives it. */
  readonly store: EmbeddingStore
  /** Over that store, with the server's models. */
  readonly pooling: Pooling
}

/** A model of every tenant's pooling. */
export interface ServedModel {
  readonly name: string
  readonly dim: number
  /** Absent: its snapshots are promoted and rolled back elsewhere. */
  readonly control?: ModelControl
  /** Absent: its item vectors are not served. */
  readonly items?: ItemSource
}

export interface ServerOptions {
  /** By name. Without tokens, `default` alone is reached. */
  readonly tenants: ReadonlyMap<string, ServedTenant>
  readonly space: FeatureSpace
  readonly models: readonly ServedModel[]
  /** `loopback`: no tokens, and requests of other machines are refused. */
  readonly auth: Tokens | 'loopback'
  readonly limits?: Partial<ServerLimits>
  /** Scopes of requests that are answered here; others are for other servers. Default: all. */
  readonly scopes?: readonly Scope[]
  /** Absent: plain HTTP. */
  readonly tls?: TlsOptions
  /** How the encoder's process fares, for metrics and readiness. Absent: there is none. */
  readonly encoder?: () => EncoderStatus
  /** Where a tenant's outcomes are kept. Absent: they are scored, not kept. */
  readonly outcomes?: (tenant: string) => OutcomeLog
  /** Figures and spans of refreshes: the one whose observers the poolings were made with. Absent: there are none. */
  readonly refreshes?: RefreshMonitor
  /** What was seen last of the queues that refreshes wait in beside other processes' ones. Absent: they wait here. */
  readonly sharedQueues?: () => readonly SharedQueueView[]
  /** Absent: silent. */
  readonly logger?: Logger
  readonly requestLog?: RequestLogOptions
  /** Adds others' figures to those of `/metrics`. */
  readonly alsoMetrics?: (figures: Figures) => void
  /** Called with every failure that is the server's own, of which callers see no details. */
  readonly onError?: (error: unknown) => void
}
