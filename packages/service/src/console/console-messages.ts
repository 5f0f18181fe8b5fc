import { integer, key, list, type Message, number, object, orNull, text } from '@headwater/client/schemas'
import Type from 'typebox'
import { type HistoryColumn, historyColumns } from './history.ts'

const counts = Type.Record(Type.String(), integer)

const figure = object({
  name: text,
  help: text,
  labels: Type.Record(Type.String(), text),
  value: number,
})
export type Figure = Message<typeof figure>

const historyValues = list(orNull(number))
/** Columns of equal length, oldest first. */
const ConsoleHistory = object(
  Object.fromEntries(historyColumns.map((name) => [name, historyValues])) as Record<
    HistoryColumn,
    typeof historyValues
  >,
)

/** `GET /console/data` */
export const ConsoleData = object({
  nowMs: number,
  startedMs: Type.Number({ description: 'tells one process from the one before it' }),
  caller: object({ name: text, tenant: text, scopes: list(text) }),
  models: list(
    object({
      model: text,
      dim: integer,
      snapshot: orNull(integer),
      frame: orNull(integer),
      dataCutoffMs: orNull(number),
      isManaged: Type.Boolean({ description: 'whether its snapshots are promoted here' }),
    }),
  ),
  totals: Type.Record(Type.String(), integer, { description: "since the start, of the token's tenant" }),
  queue: object({ users: integer, due: integer, oldestSeconds: number }, { description: 'in this process' }),
  sharedQueues: orNull(
    list(
      object({
        model: text,
        agoMs: integer,
        waiting: integer,
        taken: integer,
        dead: integer,
        sums: object({ shed: integer }),
        buried: counts,
      }),
    ),
    {
      description:
        'of all processes together, as they were seen `agoMs` ago; null where refreshes wait in this one. `buried`: dead letters by reason',
    },
  ),
  staleness: object({
    sinceMs: number,
    models: list(object({ model: text, boundsSeconds: list(number), counts: list(integer) })),
  }),
  recent: ConsoleHistory,
  day: ConsoleHistory,
  encoder: orNull(object({ state: text, restarts: integer })),
  service: orNull(list(figure), {
    description: 'figures of all tenants, for the scope metrics or where there is one tenant',
  }),
})
export type ConsoleData = Message<typeof ConsoleData>

const snapshotDrift = object({
  snapshot: integer,
  users: Type.Integer({ description: 'whose newest embedding is of this snapshot' }),
  moved: Type.Integer({ description: 'those of them with one before' }),
  cosineMean: orNull(number, { description: 'to the one before, less the means; null where nobody has one' }),
  cosineP10: orNull(number, { description: 'a tenth of the users lies below' }),
})
/** Users whose newest two embeddings are of this snapshot and another one before it. */
export type SnapshotDrift = Message<typeof snapshotDrift>

const userPath = object({
  snapshots: list(integer, { description: 'of each position' }),
  x: list(number),
  y: list(number),
  cosine: orNull(number, {
    description: 'of the last position to the one before, less the means of both; null where there is one alone',
  }),
})
export type UserPath = Message<typeof userPath>

/** `GET /console/drift/{model}` */
export const DriftMap = object({
  model: text,
  users: Type.Integer({ description: 'users of the panel of whom something is held' }),
  frame: orNull(integer, { description: 'alignment frame of most users; null while there is no map' }),
  otherFrame: Type.Integer({ description: 'users whose embeddings are of another frame: they lie in another space' }),
  shares: orNull(Type.Tuple([number, number]), { description: 'part of the variance along each axis' }),
  snapshots: list(snapshotDrift, { description: 'of the frame, oldest first' }),
  paths: list(userPath, { description: 'one a user of the frame: its positions, oldest first' }),
})
export type DriftMap = Message<typeof DriftMap>

/** `POST /console/user` */
export const UserRequest = object({ user: key })

export const UserAnswer = object({
  isDue: Type.Boolean({ description: 'whether a refresh of the user is due and is not written' }),
  models: list(
    object({
      model: text,
      dim: integer,
      status: Type.Enum(['fresh', 'stale', 'default']),
      snapshot: orNull(integer, {
        description: 'of the newest embedding, as the three below; null where the default is served',
      }),
      frame: orNull(integer),
      featureTimeMs: orNull(number),
      ageMs: orNull(number),
      norm: Type.Number({ description: 'of the served vector' }),
      shape: list(number, { maxItems: 64, description: 'its values, averaged over runs of them where it is longer' }),
    }),
  ),
})
export type UserAnswer = Message<typeof UserAnswer>
