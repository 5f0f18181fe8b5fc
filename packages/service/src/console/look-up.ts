/** What is served to one user, for whoever looks into it. */

import { checkKey, fieldOf, objectAt } from '@headwater/client/wire'
import { servedStatus } from '@headwater/pooling'
import type { ServedModel, ServedTenant } from '../options/server-options.ts'
import { dot } from './principal-components.ts'

/** The answer of `POST /console/user`. */
export interface UserAnswer {
  /** Whether a refresh of the user is due and has not landed. */
  readonly isDue: boolean
  readonly models: readonly {
    readonly model: string
    readonly dim: number
    readonly status: keyof typeof servedStatus
    /** Of the newest embedding, as are the three below; null where the default is served. */
    readonly snapshot: number | null
    readonly frame: number | null
    readonly featureTimeMs: number | null
    readonly ageMs: number | null
    /** Of the served vector. */
    readonly norm: number
    /** Its values, averaged over runs of them where it is longer than 64. */
    readonly shape: readonly number[]
  }[]
}

const shapeLength = 64

/** The user of the request. @throws WireError `invalid_request`, `invalid_key` */
export function parseUserMessage(body: unknown): string {
  const user = fieldOf(objectAt(body, 'the body', ['user']), 'user')
  checkKey(user, 'user', -1)
  return user
}

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
