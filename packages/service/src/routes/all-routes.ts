import type { FastifyInstance } from 'fastify'
import { registerConsole } from '../console/console-routes.ts'
import type { ServerParts } from '../parts/server-parts.ts'
import { registerDescription } from './description.ts'
import { registerEvents } from './events.ts'
import { registerHealth } from './health.ts'
import { registerItems } from './items.ts'
import { registerModels } from './models.ts'
import { registerOutcomes } from './outcomes.ts'
import { registerRead } from './read.ts'
import { registerUsers } from './users.ts'

export function registerRoutes(server: FastifyInstance, parts: ServerParts): void {
  for (const register of [
    registerDescription,
    registerRead,
    registerEvents,
    registerUsers,
    registerOutcomes,
    registerModels,
    registerItems,
    registerHealth,
    registerConsole,
  ])
    register(server, parts)
}
