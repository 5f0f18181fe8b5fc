import type { OutcomesAnswer } from '@headwater/client'
import { messages } from '@headwater/client/schemas'
import type { FastifyInstance } from 'fastify'
import { columnLimits } from '../messages/event-messages.ts'
import { parseOutcomesMessage } from '../messages/outcome-message.ts'
import { OutcomeScores } from '../outcomes/outcome-scores.ts'
import { asking } from '../parts/operation.ts'
import type { ServerParts } from '../parts/server-parts.ts'
import { bodyOf } from '../requests/body.ts'
import { byDeadline } from '../requests/deadline.ts'

const send = asking('write', {
  id: 'sendOutcomes',
  summary: "What came of a downstream model's predictions; durable, and scored.",
  body: messages.OutcomesRequest,
  answer: messages.OutcomesAnswer,
  errors: ['invalid_key', 'invalid_outcome', 'too_many_downstreams', 'store_unavailable', 'log_unavailable'],
})

/** `POST /v1/outcomes` */
export function registerOutcomes(server: FastifyInstance, { tenants, limits, metrics, ...parts }: ServerParts): void {
  const scores = new Map(
    [...tenants].map(([tenant, { store }]) => {
      const log = parts.outcomes?.(tenant) ?? null
      return [tenant, new OutcomeScores(log, (users) => store.forgottenAtMs(users))]
    }),
  )
  metrics.showOutcomes(scores)
  server.post('/v1/outcomes', send, async (request) => {
    const latestMs = Date.now() + limits.maxFutureMs
    const { downstream, outcomes } = parseOutcomesMessage(bodyOf(request, columnLimits(limits)), limits, latestMs)
    const { accepted, score } = await byDeadline(
      request.context.endMs,
      'the outcomes may be kept still; send them again',
      () => scores.get(request.context.principal!.tenant)!.add(downstream, outcomes),
    )
    const { normalizedEntropy, rows } = score
    return { accepted, normalizedEntropy, rows } satisfies OutcomesAnswer
  })
}
