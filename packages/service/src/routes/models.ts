import type { LoadingSnapshot, ModelSnapshots, ModelsAnswer, ServedSnapshot, SnapshotInfo } from '@headwater/client'
import { messages } from '@headwater/client/schemas'
import { type ErrorCode, WireError } from '@headwater/client/wire'
import { UnknownModelError } from '@headwater/pooling'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { lookScope } from '../access/look-scope.ts'
import { checkOf } from '../messages/message-check.ts'
import type { ServedModel } from '../options/server-options.ts'
import type { Operation } from '../parts/operation.ts'
import { type ServerParts, tenantOf } from '../parts/server-parts.ts'
import { answerFormat, bodyOf } from '../requests/body.ts'
import { byDeadline } from '../requests/deadline.ts'
import { send } from '../requests/send.ts'
import { SnapshotChanges } from './snapshot-changes.ts'

interface OfModel {
  readonly Params: { readonly model: string }
}

/** Of a body that names a snapshot. */
const smallBody = { maxDepth: 2, maxValues: 8 }

const checkPromote = checkOf(messages.PromoteRequest)

const list: Operation = {
  id: 'listModels',
  summary: 'Models and the snapshots that refreshes go through.',
  answer: messages.ModelsAnswer,
  errors: ['not_acceptable'],
}
const look: Operation = {
  id: 'listSnapshots',
  summary: "A model's snapshots, and how its shadow compares.",
  answer: messages.ModelSnapshots,
  errors: ['unknown_model', 'not_acceptable', 'deadline_exceeded'],
}
const changeErrors: readonly ErrorCode[] = [
  'unknown_model',
  'unmanaged_model',
  'snapshot_refused',
  'encoder_unavailable',
  'not_acceptable',
]
const promote: Operation = {
  id: 'promoteSnapshot',
  summary: 'Serves another snapshot, to all tenants.',
  body: messages.PromoteRequest,
  answer: messages.ServedSnapshot,
  accepted: messages.LoadingSnapshot,
  errors: [...changeErrors, 'unknown_snapshot'],
}
const rollback: Operation = {
  id: 'rollbackSnapshot',
  summary: 'Serves the snapshot before again, to all tenants.',
  answer: messages.ServedSnapshot,
  accepted: messages.LoadingSnapshot,
  errors: changeErrors,
}

/** `GET /v1/models`, `GET /v1/models/{m}`, and what changes the snapshot that a model serves */
export function registerModels(server: FastifyInstance, { tenants, models, scopes }: ServerParts): void {
  const looking = { scope: lookScope(scopes), counted: true }
  const changes = new Map(
    models.flatMap(({ name, control }) =>
      control === undefined ? [] : [[name, new SnapshotChanges(control)] as const],
    ),
  )
  const modelOf = ({ params: { model } }: FastifyRequest<OfModel>): ServedModel => {
    const found = models.find(({ name }) => name === model)
    if (found !== undefined) return found
    throw new UnknownModelError(
      model,
      models.map(({ name }) => name),
    )
  }

  server.get('/v1/models', { config: { ...looking, operation: list } }, async (request, reply) => {
    const { pooling } = tenantOf(tenants, request)
    const answer: ModelsAnswer = {
      models: models.map(({ name, dim }) => {
        const { snapshot = null, frame = null, dataCutoffMs = null } = pooling.latest(name) ?? {}
        return { model: name, dim, snapshot, frame, dataCutoffMs }
      }),
    }
    return send(reply, answerFormat(request), answer)
  })

  server.get<OfModel>('/v1/models/:model', { config: { ...looking, operation: look } }, async (request, reply) => {
    const { name, dim, control } = modelOf(request)
    const format = answerFormat(request)
    const snapshots = await byDeadline(
      request.endMs,
      'ask again',
      async () => control?.snapshots() ?? servedAlone(tenantOf(tenants, request).pooling.latest(name)),
    )
    const shadow = control?.shadow() ?? null
    const answer: ModelSnapshots = { model: name, dim, snapshots, shadow, change: changes.get(name)?.last ?? null }
    return send(reply, format, answer)
  })

  /** Answers once the change is made, or at the deadline that it goes on: what it ends in is in the model's answer then. */
  const answerChange = async (
    request: FastifyRequest<OfModel>,
    reply: FastifyReply,
    begin: (changes: SnapshotChanges) => Promise<number>,
  ) => {
    const { name: model } = modelOf(request)
    const changed = changes.get(model)
    if (changed === undefined) {
      const problem = `the snapshots of model "${model}" are not chosen here; promote where the model is published`
      throw new WireError('unmanaged_model', problem)
    }
    const format = answerFormat(request)
    const done = begin(changed)
    const snapshot = await byDeadline(request.endMs, 'the change goes on', () => done).catch((error: unknown) => {
      if (error instanceof WireError && error.code === 'deadline_exceeded') return null
      throw error
    })
    if (snapshot !== null) return send(reply, format, { model, snapshot } satisfies ServedSnapshot)
    return send(reply.code(202), format, { model, change: changed.last! } satisfies LoadingSnapshot)
  }
  const changing = { scope: 'admin', counted: true } as const
  server.post<OfModel>('/v1/models/:model/promote', { config: { ...changing, operation: promote } }, (request, reply) =>
    answerChange(request, reply, (changed) => changed.promote(checkPromote(bodyOf(request, smallBody)).snapshot)),
  )
  server.post<OfModel>(
    '/v1/models/:model/rollback',
    { config: { ...changing, operation: rollback } },
    (request, reply) => answerChange(request, reply, (changed) => changed.rollback()),
  )
}

/** All that a server knows of a model whose snapshots are chosen elsewhere. */
function servedAlone(
  latest: { readonly snapshot: number; readonly frame: number; readonly dataCutoffMs: number } | undefined,
): readonly SnapshotInfo[] {
  if (latest === undefined) return []
  const { snapshot, frame, dataCutoffMs } = latest
  return [{ snapshot, state: 'served', frame, dataCutoffMs, publishedMs: null }]
}
