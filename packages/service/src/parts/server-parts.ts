import type { RequestListener } from 'node:http'
import { UnknownModelError } from '@headwater/pooling'
import type { RouteRule } from '../admission/admission-control.ts'
import type { RequestContext } from '../admission/request-context.ts'
import type { EventQueue } from '../events/event-queue.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { ReadFigures } from '../metrics/read-figures.ts'
import type { ServedModel, ServedTenant, ServerOptions } from '../options/server-options.ts'
import type { ServerLimits } from '../requests/limits.ts'
import type { Operation } from './operation.ts'

/** What routes share. */
export interface ServerParts extends Omit<ServerOptions, 'limits' | 'tenants'> {
  readonly tenants: ReadonlyMap<string, ServedTenant & { readonly events: EventQueue; readonly reads: ReadFigures }>
  readonly limits: ServerLimits
  readonly metrics: Metrics
  readonly isDraining: () => boolean
  /** Answers `POST /v1/embeddings/read`. */
  readonly answerRead: RequestListener
}

/** Of the caller. */
export function tenantOf(tenants: ServerParts['tenants'], { principal }: RequestContext) {
  return tenants.get(principal!.tenant)!
}

/** @throws UnknownModelError */
export function modelNamed(models: ServerParts['models'], name: string): ServedModel {
  const found = models.find((model) => model.name === name)
  if (found !== undefined) return found
  throw new UnknownModelError(
    name,
    models.map((model) => model.name),
  )
}

declare module 'fastify' {
  /** Without a scope a route is open to all. */
  interface FastifyContextConfig extends Partial<RouteRule> {
    /** Answers in Fastify's place, hooks and all. */
    listener?: RequestListener
    /** What the description says of it. */
    operation?: Operation
  }
  interface FastifyRequest {
    context: RequestContext
  }
}
