import { answerTypeOf } from '@headwater/client/wire'
import type { FastifyInstance } from 'fastify'
import type { ServerParts } from '../parts/server-parts.ts'
import { type DescribedRoute, openApi } from './openapi.ts'

/** `GET /openapi.json`, of the routes that are registered from here on. */
export function registerDescription(server: FastifyInstance, { limits }: ServerParts): void {
  const routes: DescribedRoute[] = []
  server.addHook('onRoute', ({ method, url, config = {} }) => {
    const { operation, scope } = config
    if (operation === undefined || method === 'HEAD') return
    routes.push({ method: String(method), url, operation, ...(scope !== undefined && { scope }) })
  })
  // Written once: callers without a token may ask for it as often as they like.
  let description = Buffer.alloc(0)
  server.addHook('onReady', async () => {
    description = Buffer.from(JSON.stringify(openApi(routes, limits)))
  })
  const operation = { id: 'openApi', summary: 'This document.', answer: 'application/json' } as const
  server.get('/openapi.json', { config: { operation } }, async (_request, reply) =>
    reply.type(answerTypeOf.json).send(description),
  )
}
