import type { LoadingSnapshot, ModelSnapshots, ModelsAnswer, ServedSnapshot, SnapshotInfo } from '@headwater/client'
import { messages } from '@headwater/client/schemas'
import { type ErrorCode, WireError } from '@headwater/client/wire'
import type { Encoder } from '@headwater/pooling'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { checkOf } from '../messages/message-check.ts'
import { asking, lookScope, type Operation } from '../parts/operation.ts'
import { modelNamed, type ServerParts, tenantOf } from '../parts/server-parts.ts'
import { bodyOf } from '../requests/body.ts'
import { byDeadline } from '../requests/deadline.ts'
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
  errors: ['unknown_model', 'not_acceptable'],
}
const changeErrors: readonly ErrorCode[] = [
  'unknown_model',
  'unmanaged_model',
  'snapshot_refused',
  'encoder_unavailable',
  'not_acceptable',
]
const promote = asking('admin', {
  id: 'promoteSnapshot',
  summary: 'Serves another snapshot, to all tenants.',
  body: messages.PromoteRequest,
  answer: messages.ServedSnapshot,
  accepted: messages.LoadingSnapshot,
  errors: [...changeErrors, 'unknown_snapshot'],
})
const rollback = asking('admin', {
  id: 'rollbackSnapshot',
  summary: 'Serves the snapshot before again, to all tenants.',
  answer: messages.ServedSnapshot,
  accepted: messages.LoadingSnapshot,
  errors: changeErrors,
})

/** `GET /v1/models`, `GET /v1/models/{m}`, and what changes the snapshot that a model serves */
export function registerModels(server: FastifyInstance, { tenants, models, scopes }: ServerParts): void {
  const scope = lookScope(scopes)
  const managed = models.flatMap(({ name, control }) => (control === undefined ? [] : [{ name, control }]))
  const changes = new Map(managed.map(({ name, control }) => [name, new SnapshotChanges(control)]))
  const modelOf = ({ params: { model } }: FastifyRequest<OfModel>) => modelNamed(models, model)

  server.get('/v1/models', asking(scope, list), async (request) => {
    const { pooling } = tenantOf(tenants, request.context)
    const infos = models.map(({ name, dim }) => {
      const { snapshot = null, frame = null, dataCutoffMs = null } = pooling.latest(name) ?? {}
      return { model: name, dim, snapshot, frame, dataCutoffMs }
    })
    return { models: infos } satisfies ModelsAnswer
  })

  server.get<OfModel>('/v1/models/:model', asking(scope, look), async (request) => {
    const { name, dim, control } = modelOf(request)
    const alone = () => servedAlone(tenantOf(tenants, request.context).pooling.latest(name))
    const snapshots = await byDeadline(request.context.endMs, 'ask again', async () => control?.snapshots() ?? alone())
    const shadow = control?.shadow() ?? null
    const change = changes.get(name)?.last ?? null
    return { model: name, dim, snapshots, shadow, change } satisfies ModelSnapshots
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
    const done = begin(changed)
    try {
      const snapshot = await byDeadline(request.context.endMs, 'the change goes on', () => done)
      return { model, snapshot } satisfies ServedSnapshot
    } catch (error) {
      if (!(error instanceof WireError && error.code === 'deadline_exceeded')) throw error
      reply.code(202)
      return { model, change: changed.last! } satisfies LoadingSnapshot
    }
  }
  server.post<OfModel>('/v1/models/:model/promote', promote, (request, reply) =>
    answerChange(request, reply, (changed) => changed.promote(checkPromote(bodyOf(request, smallBody)).snapshot)),
  )
  server.post<OfModel>('/v1/models/:model/rollback', rollback, (request, reply) =>
    answerChange(request, reply, (changed) => changed.rollback()),
  )
}

/** All that a server knows of a model whose snapshots are chosen elsewhere. */
function servedAlone(latest: Encoder | undefined): readonly SnapshotInfo[] {
  if (latest === undefined) return []
  const { snapshot, frame, dataCutoffMs } = latest
  return [{ snapshot, state: 'served', frame, dataCutoffMs, publishedMs: null, drift: null }]
}
