import type { FeatureSpace } from '@headwater/features'
import type { EmbeddingStore } from '@headwater/store'
import type { FastifyRequest } from 'fastify'
import type { Pooling } from '../pooling.ts'
import type { EventLane } from './event-lane.ts'
import type { ServerLimits } from './limits.ts'
import type { Metrics } from './metrics.ts'
import type { Principal, Scope, Tokens } from './tokens.ts'

/** What is served to the tokens of one tenant. */
export interface ServedTenant {
  /** The tenant's own, as `forTenant` gives it. */
  readonly store: EmbeddingStore
  /** Over that store, with the server's models. */
  readonly pooling: Pooling
}

export interface ServerOptions {
  /** By name. Without tokens, `default` alone is reached. */
  readonly tenants: ReadonlyMap<string, ServedTenant>
  readonly space: FeatureSpace
  /** The models of every tenant's pooling. */
  readonly models: readonly { readonly name: string; readonly dim: number }[]
  /** `loopback`: no tokens, and requests of other machines are refused. */
  readonly auth: Tokens | 'loopback'
  readonly limits?: Partial<ServerLimits>
  /** Told of every failure that is the server's own, as callers are not. */
  readonly onError?: (error: unknown) => void
}

/** What routes share. */
export interface ServerParts extends Omit<ServerOptions, 'limits' | 'tenants'> {
  readonly tenants: ReadonlyMap<string, ServedTenant & { readonly lane: EventLane }>
  readonly limits: ServerLimits
  readonly metrics: Metrics
  readonly isDraining: () => boolean
}

/** Of the caller. */
export function tenantOf(tenants: ServerParts['tenants'], { principal }: FastifyRequest) {
  return tenants.get(principal!.tenant)!
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Absent: open to all. */
    scope?: Scope
    /** Whether it counts against `maxConcurrent`. */
    counted?: boolean
  }
  interface FastifyRequest {
    arrivedMs: number
    /** By `performance.now()`. */
    endMs: number
    principal: Principal | null
  }
}
