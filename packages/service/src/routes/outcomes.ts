import { eventLimits, type OutcomeColumns, type OutcomesAnswer, parseOutcomesMessage } from '@headwater/client/wire'
import type { Outcome } from '@headwater/pooling'
import type { FastifyInstance } from 'fastify'
import { OutcomeScores } from '../outcomes/outcome-scores.ts'
import type { ServerParts } from '../parts/server-parts.ts'
import { answerFormat, bodyOf } from '../requests/body.ts'
import { byDeadline } from '../requests/deadline.ts'
import { send } from '../requests/send.ts'

/** `POST /v1/outcomes` */
export function registerOutcomes(server: FastifyInstance, { tenants, outcomes, limits, metrics }: ServerParts): void {
  const scores = new Map(
    [...tenants].map(([tenant, { store }]) => {
      const log = outcomes?.(tenant) ?? null
      return [tenant, new OutcomeScores(log, (users) => store.forgottenAtMs(users))]
    }),
  )
  metrics.showOutcomes(scores)
  server.post('/v1/outcomes', { config: { scope: 'write', counted: true } }, async (request, reply) => {
    const latestMs = Date.now() + limits.maxFutureMs
    const columns = parseOutcomesMessage(bodyOf(request, eventLimits(limits)), limits.maxEvents, latestMs)
    const format = answerFormat(request)
    const { downstream } = columns
    const { accepted, score } = await byDeadline(request.endMs, 'the outcomes may be kept still; send them again', () =>
      scores.get(request.principal!.tenant)!.add(downstream, outcomesOf(columns)),
    )
    const { normalizedEntropy, rows } = score
    return send(reply, format, { accepted, normalizedEntropy, rows } satisfies OutcomesAnswer)
  })
}

function outcomesOf({ downstream, requests, users, predictions, labels, timesMs }: OutcomeColumns): readonly Outcome[] {
  return requests.map((request, row) => ({
    downstream,
    request,
    user: users?.[row] ?? null,
    prediction: predictions[row],
    label: labels[row],
    timeMs: timesMs[row],
  }))
}
