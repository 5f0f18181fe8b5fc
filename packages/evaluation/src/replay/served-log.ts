/**
 * What was served in the replay, as downstream models read it: a row of the log at a time, all served models side by side.
 * The served log itself has a row for each user and model of a read. D = dim of a model.
 */
import { halfToFloat } from '@headwater/binary16'
import { type FeatureSpace, type LogEvent, Replay } from '@headwater/features'
import { readServedLog, type ServedRows, vectorOffsets } from '@headwater/logs'
import { servedStatus } from '@headwater/pooling'
import { inBlocks, type ReplayedBlock } from './blocks.ts'

/** What a model served for a row. */
export interface ServedVector {
  /** A value of `servedStatus`. */
  readonly status: number
  readonly snapshot: number
  readonly featureTimeMs: number
  /** NaN where the default is served. */
  readonly ageMs: number
  /** [D] */
  readonly pooled: Float32Array
  /** [D], of models for which it is kept. */
  readonly latest: Float32Array | null
}

export interface ServedRow {
  readonly user: string
  readonly timeMs: number
  /** In the order in which they were read. */
  readonly models: readonly ServedVector[]
}

/** What is known of a row's user when the row is ranked. */
export interface KnownOfUser {
  /** What was served, by model; null where nothing was. */
  readonly models: readonly ServedVector[] | null
  /** Of the user's features as of the row; null where they are not asked for. */
  readonly features: Float32Array | null
}

/** A served log that does not fit what reads it. */
export class ServedLogError extends Error {
  override readonly name = 'ServedLogError'
}

/**
 * The rows of a served log in the order in which they were served. Each read of several users was logged under a request of
 * its own.
 *
 * @param models of every read, in its order
 * @throws ServedLogError, LogFormatError
 */
export async function* servedRows(directory: string, models: readonly string[]): AsyncGenerator<ServedRow> {
  let request: string | null = null
  let read: LoggedVector[] = []
  for await (const rows of readServedLog(directory)) {
    const offsets = { vector: vectorOffsets(rows.vector.dims), latest: vectorOffsets(rows.latest.dims) }
    for (let row = 0; row < rows.rows; row++) {
      if (rows.request[row] !== request) {
        yield* sideBySide(read, models)
        request = rows.request[row]
        read = []
      }
      read.push(vectorAt(rows, row, offsets))
    }
  }
  yield* sideBySide(read, models)
}

/**
 * The log in blocks, with what was served to each row, the models in the order in which they were read.
 * @param served a row for each of the log's, from the first served one to the log's end; rows before it have none
 * @param options `features` makes a vector of a user's dense features, which are then known of every row
 * @throws ServedLogError where it has rows that are not the log's, when the log ends
 */
export async function* servedBlocks(
  space: FeatureSpace,
  log: { events(): AsyncIterable<LogEvent[]> },
  served: AsyncGenerator<ServedRow>,
  options: {
    readonly features?: (dense: Float32Array) => Float32Array
    readonly signal?: AbortSignal | undefined
    /** Rows of which the blocks tell all that could have been taken. */
    readonly chosen?: ReadonlySet<number>
  } = {},
): AsyncGenerator<ReplayedBlock<KnownOfUser>> {
  const replay = new Replay(space)
  const scratch = space.allocate('user', 1)
  const featuresOf = ({ user, timeMs }: LogEvent) => {
    if (!options.features) return null
    space.encodeUserWithoutSequence(scratch, 0, replay.userState(user), timeMs)
    return options.features(scratch.dense)
  }
  try {
    let next = await served.next()
    const source = {
      held: async (event: LogEvent) => {
        const features = featuresOf(event)
        if (next.done || next.value.user !== event.user || next.value.timeMs !== event.timeMs)
          return { models: null, features }
        const { models } = next.value
        next = await served.next()
        return { models, features }
      },
      ingest: (group: readonly LogEvent[]) => replay.ingest(group),
    }
    yield* inBlocks(space, log, replay, source, options.signal, options.chosen)
    if (!next.done)
      throw new ServedLogError(`what was served at ${next.value.timeMs} to ${next.value.user} is no row of the log`)
  } finally {
    await served.return(undefined)
  }
}

interface LoggedVector {
  readonly user: string
  readonly model: string
  readonly timeMs: number
  readonly vector: ServedVector
}

function vectorAt(
  rows: ServedRows,
  row: number,
  offsets: { readonly vector: Uint32Array; readonly latest: Uint32Array },
): LoggedVector {
  const timeMs = rows.servedMs[row]
  const status = rows.status[row]
  const featureTimeMs = rows.featureTimeMs[row]
  const vector = {
    status,
    snapshot: rows.snapshot[row],
    featureTimeMs,
    ageMs: status === servedStatus.default ? Number.NaN : timeMs - featureTimeMs,
    pooled: floatsOf(rows.vector.halves, offsets.vector[row], offsets.vector[row + 1]),
    latest:
      rows.latest.dims[row] === 0 ? null : floatsOf(rows.latest.halves, offsets.latest[row], offsets.latest[row + 1]),
  }
  return { user: rows.user[row], model: rows.model[row], timeMs, vector }
}

function floatsOf(halves: Uint16Array, from: number, to: number): Float32Array {
  const floats = new Float32Array(to - from)
  for (let i = from; i < to; i++) floats[i - from] = halfToFloat(halves[i])
  return floats
}

/** Turns one read's rows, model after model, into a row a user. */
function* sideBySide(read: readonly LoggedVector[], models: readonly string[]): Generator<ServedRow> {
  const users = read.length / models.length
  for (let i = 0; i < users; i++) {
    const { user, timeMs } = read[i]
    const vectors = models.map((model, m) => {
      const logged = read[m * users + i]
      if (logged?.model !== model || logged.user !== user)
        throw new ServedLogError(`a read at ${timeMs} does not have ${models.join(', ')} for each of its users`)
      return logged.vector
    })
    yield { user, timeMs, models: vectors }
  }
}
