import { servedStatus } from '@headwater/pooling'
import type { ServedModel, ServedTenant } from '../options/server-options.ts'
import type { UserAnswer } from './console-messages.ts'
import { dot } from './principal-components.ts'

const shapeLength = 64

/** @throws errors of the store */
export async function lookUp(
  { pooling }: ServedTenant,
  models: readonly ServedModel[],
  user: string,
): Promise<UserAnswer> {
  const served = await pooling.look(
    [user],
    models.map(({ name }) => name),
  )
  return {
    isDue: pooling.hasDue([user]),
    models: served.models.map(({ model, dim, vectors, status, snapshot, frame, featureTimeMs, ageMs }) => {
      const held = status[0] !== servedStatus.default
      return {
        model,
        dim,
        status: statusNames[status[0]],
        snapshot: held ? snapshot[0] : null,
        frame: held ? frame[0] : null,
        featureTimeMs: held ? featureTimeMs[0] : null,
        ageMs: held ? ageMs[0] : null,
        norm: Math.sqrt(dot(vectors, vectors)),
        shape: shapeOf(vectors),
      }
    }),
  }
}

const statusNames = Object.keys(servedStatus) as readonly (keyof typeof servedStatus)[]

function shapeOf(vector: Float32Array): readonly number[] {
  const length = Math.min(shapeLength, vector.length)
  return Array.from({ length }, (_, i) => {
    const run = vector.subarray((i * vector.length) / length, ((i + 1) * vector.length) / length)
    return Number((run.reduce((sum, value) => sum + value, 0) / run.length).toPrecision(4))
  })
}
